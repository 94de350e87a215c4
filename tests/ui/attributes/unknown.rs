use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", topic = "orders")]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
