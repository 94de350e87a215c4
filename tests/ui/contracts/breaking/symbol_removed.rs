use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Channel {
    Web,
    Shop,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.symbol_removed.v1", schemas = "../schemas")]
struct OrderPlaced {
    channel: Channel,
}

fn main() {}
