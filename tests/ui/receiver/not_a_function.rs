use events_runtime::{Event, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

#[receiver(ORDER_PLACED)]
struct OnOrder;

#[receiver(ORDER_PLACED)]
static ON_ORDER: fn(&Event<OrderPlaced>) = |_| ();

fn main() {}
