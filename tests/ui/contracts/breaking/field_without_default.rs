use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.field_without_default.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    currency: String,
}

fn main() {}
