use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.orders.order.placed.v1",
    minor_version = "1",
    signal = "PLACED",
    key = "order_id"
)]
struct OrderPlaced {
    #[event(rename = id)]
    order_id: String,
    #[event(with = 5)]
    note: String,
    #[event(pii = true)]
    email: String,
}

fn main() {}
