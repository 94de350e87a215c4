use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[event(event_type = "org.acme.orders.order.placed.v1", key = order_id, rename = "Placed", namespace = "org.acme", crate = events_runtime)]
#[public_signal(rename = "Placed", doc = "An order.", alias = "Ordered")]
struct OrderPlaced {
    order_id: String,
}

#[derive(EventData)]
#[event(name = "Buyer", pii, default = "x", key = id)]
struct Customer {
    id: String,
}

fn main() {}
