use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
#[event(alias = "Phone")]
enum Channel {
    Web,
    Shop,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.symbol_became_an_alias.v1", schemas = "../schemas")]
struct OrderPlaced {
    channel: Channel,
}

fn main() {}
