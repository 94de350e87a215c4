use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    order_id: String,
    customer: Customer,
}

struct Customer {
    id: String,
}

#[derive(EventData)]
struct Uses {
    order: OrderPlaced,
}

fn main() {}
