use events_runtime::EventData;

#[derive(EventData)]
enum Payment {
    Card {
        number: String,
    },
    #[event(default)]
    Cash,
}

fn main() {}
