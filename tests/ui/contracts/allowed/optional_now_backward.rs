//! New readers accept a value that was always present.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.optional_now_backward.v1",
    schemas = "../schemas",
    compatibility = "backward"
)]
struct OrderPlaced {
    id: Option<String>,
    total: Option<i64>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
