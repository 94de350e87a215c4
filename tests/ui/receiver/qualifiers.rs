use events_runtime::{Event, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

#[receiver(ORDER_PLACED)]
unsafe fn risky(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED)]
extern "C" fn foreign(_: &Event<OrderPlaced>) {}

fn main() {}
