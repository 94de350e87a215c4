use events_runtime::EventData;

#[derive(EventData)]
struct Order {
    #[event(default)]
    count: i32,
}

fn main() {}
