//! Reports failed receivers by a log line and a counter, as a caller may ignore the responses.

use crate::EventMetadata;
use crate::event::Origin;
use crate::receiver::ReceiverError;
use events_support::error_chain::{caught, chain};

/// The counter of receivers that failed, by `event_type` and `receiver`.
const RECEIVER_FAILURES: &str = "events_receiver_failures_total";

/// Logs a warning only for an event from a bus: its consumer may retry it, and logs the final outcome.
#[cold]
pub(super) fn receiver_failed(
    origin: Origin,
    metadata: &EventMetadata,
    receiver: &str,
    error: &ReceiverError,
) {
    // A subscriber or a recorder that panics must not end the emission.
    let _ = caught(|| count_and_log(origin, metadata, receiver, error));
}

fn count_and_log(origin: Origin, metadata: &EventMetadata, receiver: &str, error: &ReceiverError) {
    let event_type = metadata.event_type();
    metrics::counter!(
        RECEIVER_FAILURES,
        "event_type" => event_type.to_string(),
        "receiver" => receiver.to_owned(),
    )
    .increment(1);
    let (event_type, id) = (event_type.as_str(), metadata.id());
    match origin {
        Origin::Local => tracing::error!(event_type, %id, receiver, error = chain(error), "receiver failed"),
        Origin::Bus => tracing::warn!(event_type, %id, receiver, error = chain(error), "receiver failed"),
    }
}
