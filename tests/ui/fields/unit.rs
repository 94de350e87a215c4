use events_runtime::EventData;

#[derive(EventData)]
struct Ping {
    nothing: (),
}

fn main() {}
