use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = customer.address.id)]
struct OrderPlaced {
    customer: Customer,
}

#[derive(EventData)]
struct Customer {
    address: Option<Address>,
}

#[derive(EventData)]
struct Address {
    id: String,
}

fn main() {}
