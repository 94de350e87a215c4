use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Currency {
    Eur,
    Usd,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = currency)]
struct OrderPlaced {
    currency: Currency,
}

fn main() {}
