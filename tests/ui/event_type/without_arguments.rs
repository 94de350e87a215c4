use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
