use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Corner {
    x: i64,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.in_an_array.v1", schemas = "../schemas")]
struct OrderPlaced {
    corners: [Corner; 4],
}

fn main() {}
