use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", key = payment.id)]
struct OrderPlaced {
    payment: Payment,
}

#[derive(EventData)]
enum Payment {
    Card { id: String },
    Cash { id: String },
}

fn main() {}
