use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Customer {
    email: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    customer: Customer,
    payer: events_ui_tests::Customer,
}

fn main() {}
