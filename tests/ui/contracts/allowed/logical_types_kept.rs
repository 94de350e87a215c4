//! An unchanged logical type is no difference.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.logical_types_kept.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: uuid::Uuid,
    #[event(with = events_runtime::with::timestamp_millis::option)]
    at: Option<jiff::Timestamp>,
    until: Vec<jiff::Timestamp>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(0);
}
