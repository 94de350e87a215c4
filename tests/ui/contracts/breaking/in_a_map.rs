use events_runtime::{EventData, PublicSignal};
use std::collections::HashMap;

#[derive(EventData)]
struct Line {
    count: i32,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.in_a_map.v1", schemas = "../schemas")]
struct OrderPlaced {
    lines: HashMap<String, Vec<Line>>,
}

fn main() {}
