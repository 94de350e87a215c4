//! Converts the records of Kafka.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use events_support::error_chain::caught;
use events_transport::Message;
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

/// The most headers of a record whose names may be no UTF-8; those behind them are left out. A panic takes milliseconds
/// if the program prints backtraces.
const MAX_PANICS: usize = 64;

/// A record as a message. An absent value is empty data, and an absent value of a header is an empty value, since
/// messages have no absent ones. A header whose name is not UTF-8 is left out.
pub(crate) fn message_of(record: &BorrowedMessage<'_>) -> Message {
    let key = record.key().unwrap_or_default();
    let data = record.payload().unwrap_or_default();
    let found = record.headers().map(headers_of).unwrap_or_default();
    // One allocation for all.
    let values = found.iter().map(|(_, value)| value.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(key.len() + data.len() + values);
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(data);
    for (_, value) in &found {
        bytes.extend_from_slice(value);
    }
    let bytes = Bytes::from(bytes);
    let mut at = key.len() + data.len();
    let mut message = Message::new(bytes.slice(key.len()..at));
    message.key = record.key().map(|key| bytes.slice(..key.len()));
    message.headers = found
        .into_iter()
        .map(|(name, value)| {
            let from = at;
            at += value.len();
            (name, bytes.slice(from..at))
        })
        .collect();
    message
}

/// When a record was stored or sent, as its topic is configured.
pub(crate) fn time_of(record: &BorrowedMessage<'_>) -> SystemTime {
    let millis = record.timestamp().to_millis().and_then(|millis| u64::try_from(millis).ok());
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.unwrap_or_default())
}

/// The millisecond since 1970 from which to search for the first record of a time or later. The times of records are
/// cut to milliseconds too, so that none of them is passed over.
pub(super) fn first_millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The headers whose names are UTF-8, in their order.
///
/// rdkafka panics at another name, and has no way to ask before. The panic hook reports each panic.
fn headers_of(borrowed: &BorrowedHeaders) -> Vec<(Cow<'static, str>, &[u8])> {
    let (count, mut next, mut panics) = (borrowed.count(), 0, 0);
    let mut headers = Vec::with_capacity(count);
    while next < count && panics < MAX_PANICS {
        let read = caught(|| {
            while next < count {
                let header = borrowed.get(next);
                headers.push((name(header.key), header.value.unwrap_or_default()));
                next += 1;
            }
        });
        if read.is_err() {
            panics += 1;
            next += 1;
        }
    }
    let dropped = count - headers.len();
    if dropped > 0 {
        metrics::counter!("events_kafka_dropped_headers_total").increment(dropped as u64);
        tracing::debug!(dropped, "headers of a record were left out: names are not UTF-8");
    }
    headers
}

fn name(name: &str) -> Cow<'static, str> {
    match KNOWN.into_iter().find(|known| *known == name) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(name.to_owned()),
    }
}
