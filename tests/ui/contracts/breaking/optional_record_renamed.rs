use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Buyer {
    id: i64,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.optional_record_renamed.v1", schemas = "../schemas")]
struct OrderPlaced {
    customer: Option<Buyer>,
}

fn main() {}
