//! Shared by the tests of inboxes.

use events_runtime::EventMetadata;
use events_runtime::metadata::Source;
use uuid::Uuid;

/// The metadata of an event; the number is its id.
///
/// # Panics
/// Never: its constants are valid.
#[must_use]
pub fn event(number: u128) -> EventMetadata {
    EventMetadata::new(
        "org.acme.inbox.order.placed.v1".parse().expect("an event type"),
        Uuid::from_u128(number),
        "2023-01-02T03:04:05Z".parse().expect("a time"),
        Source::new("shop").expect("a source"),
    )
}
