use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.event_renamed.v1", schemas = "../schemas")]
struct OrderSubmitted {
    id: String,
}

fn main() {}
