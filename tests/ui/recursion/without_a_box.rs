use events_runtime::EventData;

#[derive(EventData)]
struct Tree {
    left: Option<Tree>,
}

fn main() {}
