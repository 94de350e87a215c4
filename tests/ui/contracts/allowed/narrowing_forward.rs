//! Old readers promote a narrower number.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.narrowing_forward.v1",
    schemas = "../schemas",
    compatibility = "forward"
)]
struct OrderPlaced {
    count: i32,
    total: i64,
    weight: f32,
    lines: Vec<i32>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
