use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Customer {
    id: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.nested_field_removed.v1", schemas = "../schemas")]
struct OrderPlaced {
    customer: Customer,
}

fn main() {}
