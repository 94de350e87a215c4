//! Old readers use the published default.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.field_with_default_removed.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
