use events_runtime::EventData;

#[derive(EventData)]
struct Order {
    #[event(default = -1)]
    count: u32,
    #[event(default = 256)]
    level: u8,
    #[event(default = 9_223_372_036_854_775_808)]
    total: u64,
}

fn main() {}
