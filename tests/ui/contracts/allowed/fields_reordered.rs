//! Fields are found by their names.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.fields_reordered.v1", schemas = "../schemas")]
struct OrderPlaced {
    note: Option<String>,
    total: i64,
    id: String,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
