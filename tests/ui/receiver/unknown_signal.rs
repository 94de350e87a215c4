use events_runtime::{Event, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

#[receiver(ORDER_PLACD)]
fn misspelt(_: &Event<OrderPlaced>) {}

#[receiver(OrderPlaced)]
fn the_type(_: &Event<OrderPlaced>) {}

static NOT_A_SIGNAL: u32 = 0;

#[receiver(NOT_A_SIGNAL)]
fn a_number(_: &Event<OrderPlaced>) {}

fn main() {}
