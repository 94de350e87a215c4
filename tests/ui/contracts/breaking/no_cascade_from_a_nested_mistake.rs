use events_runtime::{EventData, PublicSignal};

// One error: what can't be known of the type is held against nobody.
#[derive(EventData)]
struct Customer {
    #[event(default)]
    age: u32,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.no_cascade_from_a_nested_mistake.v1", schemas = "../schemas")]
struct OrderPlaced {
    customer: Customer,
}

fn main() {}
