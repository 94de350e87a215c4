//! A change of the documentation is not a new version.

use events_runtime::PublicSignal;

/// Somebody bought something.
#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.docs_changed.v1", schemas = "../schemas")]
struct OrderPlaced {
    /// The number on the bill.
    id: String,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(0);
}
