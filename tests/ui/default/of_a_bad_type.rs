use events_runtime::EventData;

#[derive(EventData)]
struct Order {
    #[event(default = 0)]
    lines: usize,
}

fn main() {}
