use events_runtime::EventData;

#[derive(EventData)]
enum Payment {
    Card {
        number: String,
    },
    #[event(other)]
    Unknown,
    #[event(other, other)]
    Unsupported,
}

fn main() {}
