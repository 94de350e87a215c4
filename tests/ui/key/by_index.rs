use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Id(String);

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = order_id.0)]
struct OrderPlaced {
    order_id: Id,
}

fn main() {}
