//! Old readers skip new fields.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.added_forward.v1",
    schemas = "../schemas",
    compatibility = "forward"
)]
struct OrderPlaced {
    id: String,
    note: String,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
