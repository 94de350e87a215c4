//! Each side uses its own default.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.default_changed.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    #[event(default = "USD")]
    currency: String,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
