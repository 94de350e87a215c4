use events_runtime::{Event, Origin, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

#[receiver(ORDER_PLACED, from)]
fn no_value(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, from = "bus", from = "local")]
fn twice(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, from = "broker")]
fn unknown(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, from = "both")]
fn both(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, from = "Bus")]
fn upper_case(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, from = bus)]
fn unquoted(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, from = Origin::Bus)]
fn variant(_: &Event<OrderPlaced>) {}

#[receiver(ORDER_PLACED, from = 1)]
fn number(_: &Event<OrderPlaced>) {}

fn main() {
    let _ = Origin::Bus;
}
