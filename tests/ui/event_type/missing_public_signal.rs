use events_runtime::PublicSignal;

#[derive(PublicSignal)]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
