use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Channel {
    Web,
    Shop,
    Phone,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.symbol_added.v1", schemas = "../schemas")]
struct OrderPlaced {
    channel: Channel,
}

fn main() {}
