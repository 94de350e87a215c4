use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    order_id: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.paid.v1", signal = ORDER_PLACED)]
struct OrderPaid {
    order_id: String,
}

#[derive(EventData)]
struct Unused {
    order: OrderPlaced,
}

fn main() {}
