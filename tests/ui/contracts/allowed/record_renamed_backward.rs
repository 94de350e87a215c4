//! New readers find a type's old name by the alias.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
#[event(alias = "Customer")]
struct Buyer {
    id: String,
}

#[derive(EventData)]
#[event(alias = "Channel")]
enum Source {
    Web,
    Shop,
}

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.record_renamed_backward.v1",
    schemas = "../schemas",
    compatibility = "backward"
)]
struct OrderPlaced {
    customer: Buyer,
    other: Option<Buyer>,
    channel: Source,
}

#[test]
fn is_allowed() {
    crate::is_allowed_though_named_otherwise::<OrderPlaced>(1);
}
