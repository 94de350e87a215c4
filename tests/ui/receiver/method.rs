use events_runtime::{Event, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

struct Desk;

impl Desk {
    #[receiver(ORDER_PLACED)]
    fn on_order(&self, _: &Event<OrderPlaced>) {}
}

fn main() {}
