use events_runtime::{Event, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

#[receiver(ORDER_PLACED, order)]
fn no_value(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, order = 1, order = 2)]
fn twice(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, order = "first")]
fn text_as_order(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, name = receipts)]
fn unquoted(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, name = "")]
fn nameless(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, priority = 1, uid = "x")]
fn unknown(_: &Event<OrderPlaced>) {}

fn main() {}
