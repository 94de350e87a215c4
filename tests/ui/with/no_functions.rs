use events_runtime::EventData;

mod money {
    pub type Repr = i64;
}

struct Money {
    cents: i64,
}

#[derive(EventData)]
struct Line {
    #[event(with = money)]
    price: Money,
}

fn main() {}
