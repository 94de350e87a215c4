//! An alias may be a full name.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
#[event(namespace = "org.acme.shared", alias = "org.acme.allowed.renamed_into_another_namespace.v1.Customer")]
struct Buyer {
    id: String,
}

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.renamed_into_another_namespace.v1",
    schemas = "../schemas",
    compatibility = "backward"
)]
struct OrderPlaced {
    customer: Buyer,
}

#[test]
fn is_allowed() {
    crate::is_allowed_though_named_otherwise::<OrderPlaced>(1);
}
