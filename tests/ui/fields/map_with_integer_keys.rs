use events_runtime::EventData;

use std::collections::HashMap;

#[derive(EventData)]
struct Stock {
    by_shelf: HashMap<u64, String>,
}

fn main() {}
