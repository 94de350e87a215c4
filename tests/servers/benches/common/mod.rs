//! What the benchmarks of several transports share.

pub(crate) mod bus;
pub(crate) mod pin;
pub(crate) mod table;
pub(crate) mod transport;

use std::time::Duration;

use events_runtime::transport::Message;

pub(crate) type Failure = Box<dyn std::error::Error>;
/// The operation, and its rate per second.
pub(crate) type Rates = Vec<(&'static str, f64)>;

/// Messages per turn, of ours and of the raw peers.
pub(crate) const COUNT: usize = 100_000;
pub(crate) const BATCH: usize = 100;
pub(crate) const KEYS: usize = 1_000;

/// The headers of a message as Open edX's producers write them, apart from their prefixes.
pub(crate) const FIELDS: [(&str, &str); 7] = [
    ("type", "org.openedx.learning.auth.session.login.completed.v1"),
    ("id", "6c2b4c3e-8a0d-11ed-a1eb-0242ac120002"),
    ("source", "openedx/lms/web"),
    ("time", "2023-01-02T03:04:05.678901+00:00"),
    ("minorversion", "0"),
    ("sourcehost", "edx.devstack.lms"),
    ("sourcelib", "10.5.0"),
];
pub(crate) const DATUM: &str = "a datum of some thirty-four bytes.";

/// An event with its metadata as headers.
pub(crate) fn event(key: Option<usize>) -> Message {
    let mut message = Message::new(DATUM)
        .with_header("ce_specversion", "1.0")
        .with_header("content-type", "application/avro")
        .with_header("ce_datacontenttype", "application/avro");
    for (name, value) in FIELDS {
        let host = name.starts_with("sourceh") || name.starts_with("sourcel");
        let header = if host { name.to_owned() } else { format!("ce_{name}") };
        message = message.with_header(header, value);
    }
    match key {
        Some(key) => message.with_key(format!("customer-{key}")),
        None => message,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate of some digits")]
pub(crate) fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
