use events_runtime::EventData;

use std::rc::Rc;

#[derive(EventData)]
struct Shared {
    text: Rc<str>,
}

fn main() {}
