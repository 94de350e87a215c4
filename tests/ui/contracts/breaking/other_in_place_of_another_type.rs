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
#[public_signal(event_type = "org.acme.broken.other_in_place_of_another_type.v1", schemas = "../schemas")]
struct OrderPlaced {
    payment: Payment,
}

fn main() {}
