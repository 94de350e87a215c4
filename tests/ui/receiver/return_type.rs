use events_runtime::{Event, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

#[receiver(ORDER_PLACED)]
fn number(event: &Event<OrderPlaced>) -> u32 {
    event.number
}

#[receiver(ORDER_PLACED)]
fn no_error(_: &Event<OrderPlaced>) -> Result<(), u32> {
    Ok(())
}

#[receiver(ORDER_PLACED)]
fn value(_: &Event<OrderPlaced>) -> Result<u32, std::fmt::Error> {
    Ok(1)
}

#[receiver(ORDER_PLACED)]
async fn later(event: &Event<OrderPlaced>) -> u32 {
    event.number
}

#[receiver(ORDER_PLACED)]
fn nameless(_: &Event<OrderPlaced>) -> impl Sized {}

fn main() {}
