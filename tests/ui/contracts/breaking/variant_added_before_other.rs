use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Payment {
    Cash,
    Card {
        number: String,
    },
    Transfer {
        iban: String,
    },
    #[event(other)]
    Unknown,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.variant_added_before_other.v1", schemas = "../schemas")]
struct OrderPlaced {
    payment: Option<Payment>,
}

fn main() {}
