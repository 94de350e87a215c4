//! The headers of a dead letter that describe its failure, in addition to the original ones.

use std::time::SystemTime;

use bytes::Bytes;

use crate::{Delivery, Message, Rejection};

/// The prefix of these headers. A new dead letter replaces the headers of an earlier failure.
pub const PREFIX: &str = "dlq_";
/// The text of the outermost error.
pub const REASON: &str = "dlq_reason";
/// The text of a cause of the reason; one header per cause, outermost first.
pub const CAUSE: &str = "dlq_cause";
/// A stable identifier, such as `receivers`, `decode`, `unknown-schema` or `envelope`.
pub const KIND: &str = "dlq_kind";
/// The name of a failed receiver; one header per receiver.
pub const RECEIVER: &str = "dlq_receiver";
/// The topic of the original message.
pub const TOPIC: &str = "dlq_topic";
/// The group that rejected the message.
pub const GROUP: &str = "dlq_group";
/// The position of the message in its topic.
pub const POSITION: &str = "dlq_position";
/// The number of attempts made.
pub const ATTEMPTS: &str = "dlq_attempts";
/// When the message became a dead letter; RFC 3339, UTC.
pub const TIME: &str = "dlq_time";
/// When the message was stored in its topic; RFC 3339, UTC.
pub const STORED: &str = "dlq_stored";

/// The maximum length of a text. A longer one could exceed the store's limit for a message, which would
/// then be redelivered forever.
pub const MAX_TEXT: usize = 4096;
/// The maximum number of causes and of receivers.
pub const MAX_NAMES: usize = 16;

/// The dead letter of a delivery: its key, headers and data, and the failure.
pub fn dead_letter(delivery: &Delivery, rejection: &Rejection) -> Message {
    let mut message = delivery.message().clone();
    let headers = &mut message.headers;
    headers.retain(|name, _| !name.starts_with(PREFIX));
    headers.push(REASON, cut(rejection.reason()));
    if let Some(kind) = rejection.kind_word() {
        headers.push(KIND, kind);
    }
    for cause in rejection.causes().iter().take(MAX_NAMES) {
        headers.push(CAUSE, cut(cause));
    }
    for receiver in rejection.receivers().iter().take(MAX_NAMES) {
        headers.push(RECEIVER, cut(receiver));
    }
    headers.push(TOPIC, text(delivery.topic().as_str()));
    headers.push(GROUP, text(delivery.group().as_str()));
    headers.push(POSITION, delivery.position().to_string());
    let attempts = rejection.attempts_made().unwrap_or_else(|| delivery.attempt());
    headers.push(ATTEMPTS, attempts.to_string());
    for (name, time) in [(TIME, SystemTime::now()), (STORED, delivery.time())] {
        if let Ok(time) = jiff::Timestamp::try_from(time) {
            headers.push(name, time.to_string());
        }
    }
    message
}

fn cut(long: &str) -> Bytes {
    if long.len() <= MAX_TEXT {
        return text(long);
    }
    let end = (0..=MAX_TEXT).rev().find(|&end| long.is_char_boundary(end)).unwrap_or_default();
    let kept = long.get(..end).unwrap_or_default();
    Bytes::from(format!("{kept}…"))
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
