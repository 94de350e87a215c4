//! Old readers take a new variant as the one that they have for unknown ones.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Payment {
    Transfer {
        iban: String,
    },
    #[event(other)]
    Unknown,
    Cash,
    Card {
        number: String,
    },
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.variant_added_with_other.v1", schemas = "../schemas")]
struct OrderPlaced {
    payment: Vec<Option<Payment>>,
}

#[test]
fn is_allowed() {
    crate::is_allowed_by_other::<OrderPlaced>(1);
}
