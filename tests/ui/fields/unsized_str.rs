use events_runtime::EventData;

#[derive(EventData)]
struct Note {
    text: str,
}

fn main() {}
