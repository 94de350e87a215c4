use events_runtime::EventData;

#[derive(EventData)]
enum Payment {
    Card {
        number: String,
        #[event(rename = "number")]
        pan: String,
    },
    Cash,
}

fn main() {}
