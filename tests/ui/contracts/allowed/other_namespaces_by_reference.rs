//! The same rule for a reference to an earlier definition.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
#[event(namespace = "org.acme.shared")]
struct Customer {
    id: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.other_namespaces_by_reference.v1", schemas = "../schemas")]
struct OrderPlaced {
    customer: Customer,
    others: Vec<Customer>,
}

#[test]
fn is_allowed() {
    crate::is_allowed_though_named_otherwise::<OrderPlaced>(1);
}
