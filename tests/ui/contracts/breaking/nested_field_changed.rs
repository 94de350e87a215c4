use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Address {
    zip: i32,
}

#[derive(EventData)]
struct Customer {
    address: Address,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.nested_field_changed.v1", schemas = "../schemas")]
struct OrderPlaced {
    customer: Customer,
}

fn main() {}
