use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.primitives.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: i64,
    paid: i32,
    total: String,
    raw: bool,
    weight: i64,
}

fn main() {}
