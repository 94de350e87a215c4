//! The old field stays for old readers, and the new one reads it by an alias.

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.alias_for_all_readers.v1", schemas = "../schemas")]
struct OrderPlaced {
    #[event(default = 0)]
    total: i64,
    #[event(alias = "sum", default = 0)]
    amount: i64,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
