use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "order.placed", topic = "orders", profile = "edx")]
struct OrderPlaced {
    point: (f64, f64),
    #[event(rename = "order-id")]
    order_id: String,
}

fn main() {}
