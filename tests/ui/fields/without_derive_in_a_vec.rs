use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    order_id: String,
    lines: Option<Vec<Line>>,
}

struct Line {
    sku: String,
}

fn main() {}
