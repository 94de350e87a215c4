use events_runtime::EventData;

#[derive(EventData)]
struct Payment {
    outcome: Result<String, String>,
}

fn main() {}
