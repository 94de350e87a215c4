//! The values of a map have a new field.

use std::collections::HashMap;

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Line {
    #[event(default = 1)]
    count: i32,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.in_a_map.v1", schemas = "../schemas")]
struct OrderPlaced {
    lines: HashMap<String, Vec<Line>>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
