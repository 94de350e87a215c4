use events_runtime::EventData;

#[derive(EventData)]
struct Customer {
    id: String,
    #[event(alias = "id", alias = "nr")]
    number: i64,
    #[event(alias = "nr")]
    code: i64,
}

fn main() {}
