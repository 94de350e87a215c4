use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.forward.v1", schemas = "../schemas", compatibility = "forward")]
struct OrderPlaced {
    id: String,
    total: i64,
    currency: String,
}

fn main() {}
