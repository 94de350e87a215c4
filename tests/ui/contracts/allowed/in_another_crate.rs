//! A type of another crate has a new optional field.

use events_runtime::PublicSignal;
use events_ui_tests::Address;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.in_another_crate.v1", schemas = "../schemas")]
struct OrderPlaced {
    billing: Address,
    shipping: Option<Address>,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
