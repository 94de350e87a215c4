use events_runtime::EventData;

struct Money {
    cents: i64,
}

#[derive(EventData)]
struct Line {
    #[event(with = money)]
    price: Money,
}

fn main() {}
