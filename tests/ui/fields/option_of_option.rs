use events_runtime::EventData;

#[derive(EventData)]
struct Patch {
    note: Option<Option<String>>,
    tags: Vec<Option<Option<i32>>>,
}

fn main() {}
