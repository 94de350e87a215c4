//! New readers find an event's old name by the alias.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.event_renamed_backward.v1",
    schemas = "../schemas",
    compatibility = "backward"
)]
#[event(alias = "OrderPlaced")]
struct OrderSubmitted {
    id: String,
}

#[test]
fn is_allowed() {
    crate::is_allowed_though_named_otherwise::<OrderSubmitted>(1);
}
