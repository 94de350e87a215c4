//! Several Rust types have one schema: newtypes, pointers, collections and small integers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct OrderId(String);

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.other_types_of_one_schema.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: OrderId,
    count: u16,
    notes: BTreeSet<Box<str>>,
    counts: BTreeMap<OrderKey, Arc<i8>>,
    corners: [f64; 2],
}

type OrderKey = String;

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(0);
}
