use events_runtime::EventData;

#[derive(EventData)]
struct Customer {
    name: &'static str,
    tags: Vec<&'static str>,
    address: &'static Address,
}

#[derive(EventData)]
struct Address {
    street: String,
}

fn main() {}
