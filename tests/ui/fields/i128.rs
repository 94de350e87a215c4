use events_runtime::EventData;

#[derive(EventData)]
struct Balance {
    wei: i128,
}

fn main() {}
