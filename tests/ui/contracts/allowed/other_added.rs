//! A variant for unknown ones is a new version. It is no branch, so no reader can meet it.

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
#[public_signal(event_type = "org.acme.allowed.other_added.v1", schemas = "../schemas")]
struct OrderPlaced {
    payment: Option<Payment>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
