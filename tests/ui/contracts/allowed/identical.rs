//! An unchanged definition keeps its published number.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.identical.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    note: Option<String>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(0);
}
