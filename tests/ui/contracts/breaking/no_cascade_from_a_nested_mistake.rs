use events_runtime::{EventData, PublicSignal};

// One error: properties that can't be known because of it cause no further errors.
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
