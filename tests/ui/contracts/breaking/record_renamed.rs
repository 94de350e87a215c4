use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Buyer {
    id: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.record_renamed.v1", schemas = "../schemas")]
struct OrderPlaced {
    customer: Buyer,
}

fn main() {}
