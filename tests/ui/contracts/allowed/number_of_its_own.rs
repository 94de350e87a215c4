//! A definition may skip numbers.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.number_of_its_own.v1",
    schemas = "../schemas",
    minor_version = 5
)]
struct OrderPlaced {
    id: String,
    note: Option<String>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(5);
}
