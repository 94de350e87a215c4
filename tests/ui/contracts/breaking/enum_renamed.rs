use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Source {
    Web,
    Shop,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.enum_renamed.v1", schemas = "../schemas")]
struct OrderPlaced {
    channel: Source,
}

fn main() {}
