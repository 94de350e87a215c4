use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.orders.order.placed.v1",
    name = "order-placed",
    namespace = "org..acme"
)]
struct OrderPlaced {
    #[event(rename = "order-id")]
    order_id: String,
    #[event(rename = "1st")]
    first: String,
    #[event(alias = "old name")]
    name: String,
}

#[derive(EventData)]
#[event(rename = "", namespace = "")]
enum Currency {
    #[event(rename = "€")]
    Eur,
}

fn main() {}
