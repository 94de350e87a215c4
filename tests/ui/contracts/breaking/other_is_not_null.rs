use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Payment {
    Cash,
    Card {
        number: String,
    },
    #[event(other)]
    Unknown,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.other_is_not_null.v1", schemas = "../schemas")]
struct OrderPlaced {
    payment: Payment,
}

fn main() {}
