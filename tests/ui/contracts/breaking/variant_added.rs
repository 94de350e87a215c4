use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Payment {
    Cash,
    Card { number: String },
    Transfer { iban: String },
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.variant_added.v1", schemas = "../schemas")]
struct OrderPlaced {
    payment: Payment,
}

fn main() {}
