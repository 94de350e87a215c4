use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(key = order_id)]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
