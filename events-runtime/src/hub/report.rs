//! Failures that nobody may be waiting for: a log line and a counter each.

use crate::EventMetadata;
use crate::error_chain::chain;
use crate::signal::{Origin, ReceiverError};

/// The counter of receivers that failed, by `event_type` and `receiver`.
const RECEIVER_FAILURES: &str = "events_receiver_failures_total";

/// Tells of a receiver's failure. An event of a bus comes again, or its consumer tells that it is given up:
/// that is a warning here. Nobody tries a local one again.
#[cold]
pub(super) fn receiver_failed(
    metadata: &EventMetadata,
    origin: Origin,
    receiver: &str,
    error: &ReceiverError,
) {
    let event_type = metadata.event_type();
    metrics::counter!(
        RECEIVER_FAILURES,
        "event_type" => event_type.to_string(),
        "receiver" => receiver.to_owned(),
    )
    .increment(1);
    let (event_type, id, error) = (event_type.as_str(), metadata.id(), chain(error));
    match origin {
        Origin::Bus => tracing::warn!(event_type, %id, receiver, error, "receiver failed"),
        Origin::Local => tracing::error!(event_type, %id, receiver, error, "receiver failed"),
    }
}
