use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Line {
    sku: String,
    count: i32,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.in_a_vec.v1", schemas = "../schemas")]
struct OrderPlaced {
    lines: Vec<Line>,
}

fn main() {}
