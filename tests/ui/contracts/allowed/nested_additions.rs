//! Nested records follow the same rules as events.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Address {
    street: String,
    #[event(default = "")]
    zip: String,
}

#[derive(EventData)]
struct Customer {
    address: Address,
    email: Option<String>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.nested_additions.v1", schemas = "../schemas")]
struct OrderPlaced {
    customer: Customer,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
