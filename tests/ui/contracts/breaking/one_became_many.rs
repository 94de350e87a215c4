use events_runtime::PublicSignal;
use std::collections::BTreeMap;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.one_became_many.v1", schemas = "../schemas")]
struct OrderPlaced {
    note: Vec<String>,
    line: BTreeMap<String, String>,
}

fn main() {}
