//! New readers know more variants than were written.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Payment {
    Cash,
    Card { number: String },
    Transfer { iban: String },
}

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.variant_added_backward.v1",
    schemas = "../schemas",
    compatibility = "backward"
)]
struct OrderPlaced {
    payment: Payment,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
