use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
#[event(alias = "Customer")]
struct Buyer {
    id: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.record_renamed_with_an_alias.v1", schemas = "../schemas")]
struct OrderPlaced {
    customer: Buyer,
}

fn main() {}
