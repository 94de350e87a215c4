//! Without a promise, and with a reason, anything may change.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.nothing_is_promised.v1",
    schemas = "../schemas",
    compatibility = "none",
    reason = "no reader outside of this crate"
)]
struct OrderPlaced {
    id: i64,
    lines: Vec<String>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
