use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Price(f64);

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = price)]
struct OrderPlaced {
    price: Price,
}

fn main() {}
