use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Address {
    street: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.one_type_in_two_fields.v1", schemas = "../schemas")]
struct OrderPlaced {
    billing: Address,
    shipping: Option<Address>,
    id: String,
}

fn main() {}
