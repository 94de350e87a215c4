use events_runtime::EventData;

use std::sync::Mutex;

#[derive(EventData)]
struct Shared {
    count: Mutex<i64>,
}

fn main() {}
