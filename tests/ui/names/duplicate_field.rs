use events_runtime::EventData;

#[derive(EventData)]
struct Customer {
    id: String,
    #[event(rename = "id")]
    number: i64,
    #[event(rename = "id")]
    code: i64,
}

fn main() {}
