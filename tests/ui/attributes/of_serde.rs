use events_runtime::EventData;

#[derive(EventData)]
struct Customer {
    id: String,
    #[event(skip)]
    cached: bool,
    #[event(flatten)]
    address: Address,
    #[event(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

#[derive(EventData)]
struct Address {
    street: String,
}

fn main() {}
