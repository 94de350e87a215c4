use events_runtime::EventData;

#[derive(EventData)]
enum Payment {
    Card {
        number: String,
    },
    #[event(other)]
    Unknown(String),
}

#[derive(EventData)]
enum Shape {
    Circle {
        radius: f64,
    },
    #[event(other)]
    Unknown {
        name: String,
    },
}

fn main() {}
