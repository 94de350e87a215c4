use events_runtime::{Event, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

#[receiver(ORDER_PLACED)]
fn on_any<E>(_: &Event<E>) {}

#[receiver(ORDER_PLACED)]
fn bounded(_: &Event<OrderPlaced>)
where
    OrderPlaced: Send,
{
}

fn main() {}
