//! Symbols are found by their names.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Channel {
    Shop,
    Web,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.symbols_reordered.v1", schemas = "../schemas")]
struct OrderPlaced {
    channel: Option<Channel>,
    all: Vec<Channel>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
