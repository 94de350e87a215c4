//! The items of an array have a new field.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Line {
    sku: String,
    note: Option<String>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.in_a_vec.v1", schemas = "../schemas")]
struct OrderPlaced {
    lines: Vec<Line>,
    more: [Vec<Line>; 2],
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
