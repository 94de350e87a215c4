//! A definition may state its published number.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.number_that_is_published.v1",
    schemas = "../schemas",
    minor_version = 1
)]
struct OrderPlaced {
    id: String,
    note: Option<String>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
