use events_runtime::{EventData, PublicSignal};

mod billing {
    #[derive(super::EventData)]
    pub struct Address {
        pub iban: String,
    }
}

mod shipping {
    #[derive(super::EventData)]
    pub struct Address {
        pub street: String,
    }
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    pay: billing::Address,
    order_id: String,
    send: Option<shipping::Address>,
}

fn main() {}
