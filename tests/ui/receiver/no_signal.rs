use events_runtime::{Event, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

#[receiver]
fn bare(_: &Event<OrderPlaced>) {}

#[receiver()]
fn empty(_: &Event<OrderPlaced>) {}

#[receiver(order = 3)]
fn options_only(_: &Event<OrderPlaced>) {}

#[receiver("ORDER_PLACED")]
fn quoted(_: &Event<OrderPlaced>) {}

fn main() {}
