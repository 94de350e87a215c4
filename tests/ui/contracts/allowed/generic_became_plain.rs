//! A type that was generic keeps its full name.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
#[event(rename = "Page_long")]
struct Numbers {
    items: Vec<i64>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.generic_became_plain.v1", schemas = "../schemas")]
struct OrderPlaced {
    numbers: Numbers,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(0);
}
