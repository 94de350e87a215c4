//! New readers promote a narrower number.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.promotions_backward.v1",
    schemas = "../schemas",
    compatibility = "backward"
)]
struct OrderPlaced {
    count: i64,
    total: f64,
    weight: f64,
    lines: Vec<f32>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
