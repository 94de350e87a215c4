use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
enum Payment {
    Card { number: String },
    Cash,
}

#[derive(EventData)]
struct PaymentCard {
    pan: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    payment: Payment,
    card: PaymentCard,
}

fn main() {}
