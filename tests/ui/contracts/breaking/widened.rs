use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.widened.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    total: i64,
}

fn main() {}
