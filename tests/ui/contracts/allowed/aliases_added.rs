//! An alias alone is a new version.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
#[event(alias = "Buyer")]
struct Customer {
    #[event(alias = "number")]
    id: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.aliases_added.v1", schemas = "../schemas")]
struct OrderPlaced {
    customer: Customer,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
