use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Line {
    sku: String,
    #[event(default = "1")]
    count: i32,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    order_id: String,
    lines: Vec<Line>,
}

fn main() {}
