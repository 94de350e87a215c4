use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Page<T> {
    items: Vec<T>,
}

#[derive(EventData)]
struct Line {
    sku: String,
    count: i32,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.through_a_generic.v1", schemas = "../schemas")]
struct OrderPlaced {
    lines: Page<Line>,
}

fn main() {}
