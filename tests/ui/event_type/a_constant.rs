use events_runtime::PublicSignal;

const PLACED: &str = "org.acme.orders.order.placed.v1";

#[derive(PublicSignal)]
#[public_signal(event_type = PLACED)]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
