//! Old readers know more variants than are written.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Payment {
    Card { number: String },
}

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.variant_removed_forward.v1",
    schemas = "../schemas",
    compatibility = "forward"
)]
struct OrderPlaced {
    payment: Option<Payment>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
