use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.narrowed.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    total: i32,
}

fn main() {}
