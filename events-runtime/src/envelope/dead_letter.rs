//! What a dead letter says of its end, in headers beside the original ones.

use std::time::SystemTime;

use bytes::Bytes;

use crate::transport::{Delivery, Message, Rejection};

/// Every header of a dead letter begins so; those of an earlier end are replaced.
const PREFIX: &str = "dlq_";
const REASON: &str = "dlq_reason";
/// One for each error behind the reason, outermost first.
const CAUSE: &str = "dlq_cause";
const TOPIC: &str = "dlq_topic";
const GROUP: &str = "dlq_group";
const POSITION: &str = "dlq_position";
const ATTEMPTS: &str = "dlq_attempts";
/// RFC 3339, UTC.
const TIME: &str = "dlq_time";

/// The dead letter of a delivery: its key, headers and data as they were, and why it is here.
pub(crate) fn dead_letter(delivery: &Delivery, rejection: &Rejection) -> Message {
    let mut message = delivery.message().clone();
    let headers = &mut message.headers;
    headers.retain(|name, _| !name.starts_with(PREFIX));
    headers.push(REASON, text(rejection.reason()));
    for cause in rejection.causes() {
        headers.push(CAUSE, text(cause));
    }
    headers.push(TOPIC, text(delivery.topic().as_str()));
    headers.push(GROUP, text(delivery.group().as_str()));
    headers.push(POSITION, delivery.position().to_string());
    headers.push(ATTEMPTS, delivery.attempt().to_string());
    if let Ok(time) = jiff::Timestamp::try_from(SystemTime::now()) {
        headers.push(TIME, time.to_string());
    }
    message
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
