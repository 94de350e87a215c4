//! An optional field is null for readers of an old event.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.option_added.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    note: Option<String>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
