use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.field_removed.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
}

fn main() {}
