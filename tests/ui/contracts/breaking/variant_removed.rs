use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Payment {
    Cash,
    Card { number: String },
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.variant_removed.v1", schemas = "../schemas")]
struct OrderPlaced {
    payment: Option<Payment>,
}

fn main() {}
