//! New readers take a removed variant as the one that they have for unknown ones.

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
#[public_signal(event_type = "org.acme.allowed.variant_removed_with_other.v1", schemas = "../schemas")]
struct OrderPlaced {
    payment: Payment,
}

#[test]
fn is_allowed() {
    crate::is_allowed_by_other::<OrderPlaced>(1);
}
