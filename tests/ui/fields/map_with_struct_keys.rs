use events_runtime::EventData;

use std::collections::BTreeMap;

#[derive(EventData, PartialEq, Eq, PartialOrd, Ord)]
struct Shelf {
    number: i32,
}

#[derive(EventData)]
struct Stock {
    by_shelf: BTreeMap<Shelf, String>,
}

fn main() {}
