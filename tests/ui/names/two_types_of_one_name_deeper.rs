use events_runtime::{EventData, PublicSignal};

mod billing {
    #[derive(super::EventData)]
    pub struct Address {
        pub iban: String,
    }
}

#[derive(EventData)]
struct Address {
    street: String,
}

#[derive(EventData)]
struct Customer {
    home: Vec<Address>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    pay: billing::Address,
    customer: Customer,
}

fn main() {}
