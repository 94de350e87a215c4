//! Converts the records of Kafka.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use events_support::error_chain::caught;
use events_transport::{Headers, Message};
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers as _, Message as _};

/// The names of the headers that every event has: they are not copied for each message.
const KNOWN: [&str; 16] = [
    "ce_id",
    "ce_type",
    "ce_source",
    "ce_time",
    "ce_specversion",
    "ce_datacontenttype",
    "ce_dataschema",
    "ce_subject",
    "ce_minorversion",
    "ce_schemafp",
    "ce_correlationid",
    "content-type",
    "sourcehost",
    "sourcelib",
    "traceparent",
    "tracestate",
];

/// A record as a message. An absent value is empty data, and an absent value of a header is an empty value, since
/// messages have no absent ones. A header whose name is not UTF-8 is left out.
pub(crate) fn message_of(record: &BorrowedMessage<'_>) -> Message {
    let key = record.key().unwrap_or_default();
    let data = record.payload().unwrap_or_default();
    // One allocation for both.
    let mut bytes = Vec::with_capacity(key.len() + data.len());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(data);
    let bytes = Bytes::from(bytes);
    let mut message = Message::new(bytes.slice(key.len()..));
    message.key = record.key().map(|key| bytes.slice(..key.len()));
    if let Some(headers) = record.headers() {
        message.headers = headers_of(headers);
    }
    message
}

/// When a record was stored or sent, as its topic is configured.
pub(crate) fn time_of(record: &BorrowedMessage<'_>) -> SystemTime {
    let millis = record.timestamp().to_millis().and_then(|millis| u64::try_from(millis).ok());
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.unwrap_or_default())
}

fn headers_of(borrowed: &BorrowedHeaders) -> Headers {
    // rdkafka panics at a name that is not UTF-8.
    caught(|| borrowed.iter().map(|header| (name(header.key), value(header.value))).collect()).unwrap_or_else(
        |_| {
            let header = |index| caught(|| borrowed.get(index)).ok();
            let all: Headers = (0..borrowed.count())
                .filter_map(header)
                .map(|header| (name(header.key), value(header.value)))
                .collect();
            let dropped = borrowed.count() - all.len();
            metrics::counter!("events_kafka_dropped_headers_total").increment(dropped as u64);
            tracing::debug!(dropped, "headers of a record were left out: their names are not UTF-8");
            all
        },
    )
}

fn name(name: &str) -> Cow<'static, str> {
    match KNOWN.into_iter().find(|known| *known == name) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(name.to_owned()),
    }
}

fn value(value: Option<&[u8]>) -> Bytes {
    value.map(Bytes::copy_from_slice).unwrap_or_default()
}
