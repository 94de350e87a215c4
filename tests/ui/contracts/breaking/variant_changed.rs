use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Payment {
    Cash,
    Card { number: i64, holder: String },
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.variant_changed.v1", schemas = "../schemas")]
struct OrderPlaced {
    payments: Vec<Payment>,
}

fn main() {}
