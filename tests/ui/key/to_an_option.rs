use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = customer_id)]
struct OrderPlaced {
    customer_id: Option<String>,
}

fn main() {}
