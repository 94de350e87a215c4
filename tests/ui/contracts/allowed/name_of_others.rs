//! The folder of an event with a foreign name is that name.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "acme-orders-shipped",
    schemas = "../schemas",
    foreign = "published by another team",
    namespace = "acme.orders"
)]
struct OrderPlaced {
    id: String,
    note: Option<String>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
