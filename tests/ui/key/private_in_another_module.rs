use events_runtime::{EventData, PublicSignal};

mod people {
    #[derive(super::EventData)]
    pub struct Customer {
        id: String,
    }
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = customer.id)]
struct OrderPlaced {
    customer: people::Customer,
}

fn main() {}
