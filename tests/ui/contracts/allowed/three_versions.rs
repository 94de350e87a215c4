//! Each version reads the others.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.three_versions.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    note: Option<String>,
    #[event(default = "EUR")]
    currency: String,
    country: Option<String>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(3);
}
