use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = customer)]
struct OrderPlaced {
    customer: Customer,
}

#[derive(EventData)]
struct Customer {
    id: String,
}

fn main() {}
