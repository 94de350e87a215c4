use events_runtime::EventData;

#[derive(EventData)]
struct Customer {
    #[public_signal(key)]
    id: String,
}

fn main() {}
