use events_runtime::{Event, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

#[receiver(ORDER_PLACED)]
fn nothing() {}

#[receiver(ORDER_PLACED)]
fn too_many(_: &Event<OrderPlaced>, _count: usize, _name: &str) {}

fn main() {}
