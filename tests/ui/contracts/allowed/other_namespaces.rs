//! "Both schemas are records with the same (unqualified) name."

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
#[event(namespace = "org.acme.shared")]
struct Customer {
    id: String,
}

#[derive(EventData)]
#[event(namespace = "org.acme.shared")]
enum Channel {
    Web,
}

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.other_namespaces.v1",
    schemas = "../schemas",
    namespace = "org.acme.orders"
)]
struct OrderPlaced {
    customer: Customer,
    channel: Option<Channel>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
