use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed")]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
