use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", crate = 1)]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
