//! Branches are found by name, and follow the rules of records.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Payment {
    Card { number: String, holder: Option<String> },
    Cash,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.variants_reordered.v1", schemas = "../schemas")]
struct OrderPlaced {
    payment: Payment,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
