//! The argument of a generic type has a new field.

use events_runtime::{EventData, PublicSignal};
use events_ui_tests::Page;

#[derive(EventData)]
struct Line {
    sku: String,
    #[event(default = 1)]
    count: i32,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.through_a_generic.v1", schemas = "../schemas")]
struct OrderPlaced {
    lines: Page<Line>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
