use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = buyer.address.id)]
struct OrderPlaced {
    order_id: String,
    customer: Customer,
}

#[derive(EventData)]
struct Customer {
    id: String,
}

fn main() {}
