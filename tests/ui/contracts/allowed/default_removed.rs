//! Readers of an old event find the value in the data.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.default_removed.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    currency: String,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
