use events_runtime::EventData;

#[derive(EventData)]
struct Entry {
    #[event(back_ref = String)]
    label: String,
}

fn main() {}
