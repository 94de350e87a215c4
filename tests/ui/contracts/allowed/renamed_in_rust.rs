//! The schema keeps the old names.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
#[event(rename = "Customer")]
struct Buyer {
    id: String,
}

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.renamed_in_rust.v1",
    schemas = "../schemas",
    name = "OrderPlaced"
)]
struct OrderSubmitted {
    #[event(rename = "total")]
    amount: i64,
    customer: Buyer,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderSubmitted>(0);
}
