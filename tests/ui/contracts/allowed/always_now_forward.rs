//! Old readers accept null, which is no longer written.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.always_now_forward.v1",
    schemas = "../schemas",
    compatibility = "forward"
)]
struct OrderPlaced {
    note: String,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
