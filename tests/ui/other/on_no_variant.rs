use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
#[event(other)]
enum Payment {
    Cash,
    Card {
        #[event(other)]
        number: String,
    },
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
#[event(other)]
struct OrderPlaced {
    #[event(other)]
    payment: Payment,
}

fn main() {}
