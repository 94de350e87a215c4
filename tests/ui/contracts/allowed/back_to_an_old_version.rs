//! A return to an earlier schema is a new version.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.back_to_an_old_version.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(2);
}
