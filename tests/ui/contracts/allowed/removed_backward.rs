//! New readers skip removed fields.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.removed_backward.v1",
    schemas = "../schemas",
    compatibility = "backward"
)]
struct OrderPlaced {
    id: String,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
