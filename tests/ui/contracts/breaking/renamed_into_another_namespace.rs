use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
#[event(namespace = "org.acme.shared", alias = "Customer")]
struct Buyer {
    id: String,
}

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.broken.renamed_into_another_namespace.v1",
    schemas = "../schemas",
    compatibility = "backward"
)]
struct OrderPlaced {
    customer: Buyer,
}

fn main() {}
