use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = lines.sku)]
struct OrderPlaced {
    lines: Vec<Line>,
}

#[derive(EventData)]
struct Line {
    sku: String,
}

fn main() {}
