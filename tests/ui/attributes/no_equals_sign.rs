use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type("org.acme.orders.order.placed.v1"))]
struct OrderPlaced {
    #[event(rename: "id")]
    order_id: String,
}

fn main() {}
