use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = order_id)]
#[public_signal(key = note)]
struct OrderPlaced {
    #[event(rename = "id", rename = "order")]
    order_id: String,
    #[event(pii, pii)]
    note: String,
}

fn main() {}
