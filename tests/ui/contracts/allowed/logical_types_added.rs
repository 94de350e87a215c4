//! A logical type documents the existing meaning of the data.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.logical_types_added.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: uuid::Uuid,
    #[event(with = events_runtime::with::timestamp_micros)]
    at: jiff::Timestamp,
    day: jiff::civil::Date,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
