//! Failures that nobody may be waiting for: a log line and a counter each.

use std::error::Error;

use crate::EventMetadata;
use crate::signal::ReceiverError;

/// The counter of receivers that failed, by `event_type` and `receiver`.
const RECEIVER_FAILURES: &str = "events_receiver_failures_total";

#[cold]
pub(super) fn receiver_failed(metadata: &EventMetadata, receiver: &str, error: &ReceiverError) {
    let event_type = metadata.event_type();
    metrics::counter!(
        RECEIVER_FAILURES,
        "event_type" => event_type.to_string(),
        "receiver" => receiver.to_owned(),
    )
    .increment(1);
    tracing::error!(
        event_type = event_type.as_str(),
        id = %metadata.id(),
        receiver,
        error = error as &(dyn Error + 'static),
        "receiver failed"
    );
}
