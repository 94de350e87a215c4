//! New readers use the default, old ones skip the field.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.field_with_default_added.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    #[event(default = "EUR")]
    currency: String,
    #[event(default = [])]
    lines: Vec<String>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
