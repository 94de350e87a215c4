use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "acme/orders/placed", foreign = "of others", namespace = "acme", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
}

fn main() {}
