use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Customer {
    id: String,
    email: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.nested_field_added.v1", schemas = "../schemas")]
struct OrderPlaced {
    customer: Customer,
}

fn main() {}
