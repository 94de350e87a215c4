use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Line {
    sku: String,
    count: i32,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.in_a_box.v1", schemas = "../schemas")]
struct OrderPlaced {
    first: Box<Line>,
    rest: Option<Box<Line>>,
}

fn main() {}
