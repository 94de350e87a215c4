//! New readers find the old name by the alias.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.alias_backward.v1",
    schemas = "../schemas",
    compatibility = "backward"
)]
struct OrderPlaced {
    id: String,
    #[event(alias = "total")]
    amount: i64,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
