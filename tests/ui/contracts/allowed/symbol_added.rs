//! Old readers have a default symbol.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Channel {
    Web,
    Shop,
    Phone,
    #[event(default)]
    Other,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.symbol_added.v1", schemas = "../schemas")]
struct OrderPlaced {
    channel: Channel,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
