use events_runtime::{EventData, PublicSignal};

mod parts {
    #[derive(super::EventData)]
    pub struct OrderPlaced {
        pub id: String,
    }
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    order: parts::OrderPlaced,
}

fn main() {}
