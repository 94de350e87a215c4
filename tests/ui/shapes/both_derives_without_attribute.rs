use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal, EventData)]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
