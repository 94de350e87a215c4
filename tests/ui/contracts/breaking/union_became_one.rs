use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Card {
    number: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.union_became_one.v1", schemas = "../schemas")]
struct OrderPlaced {
    payment: Card,
}

fn main() {}
