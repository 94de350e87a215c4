//! A default symbol is a new version, and later versions may add symbols.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Channel {
    Web,
    #[event(default)]
    Other,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.enum_default_added.v1", schemas = "../schemas")]
struct OrderPlaced {
    channel: Channel,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
