use events_runtime::{Event, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

#[receiver(ORDER_PLACED)]
fn on_order(_: Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED)]
fn on_shared_order(_: std::sync::Arc<Event<OrderPlaced>>) {}

#[receiver(ORDER_PLACED)]
fn on_own_order(_: &mut Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED)]
fn on_any_order(_: impl AsRef<Event<OrderPlaced>>) {}

fn main() {}
