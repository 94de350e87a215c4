use events_runtime::EventData;

#[derive(EventData)]
struct Handle {
    raw: *const u8,
}

fn main() {}
