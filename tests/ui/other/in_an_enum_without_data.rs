use events_runtime::EventData;

#[derive(EventData)]
enum Channel {
    Web,
    #[event(other)]
    Unknown,
}

fn main() {}
