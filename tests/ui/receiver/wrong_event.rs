use events_runtime::{Event, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.paid.v1")]
pub struct OrderPaid {
    pub number: u32,
}

#[receiver(ORDER_PLACED)]
fn on_paid(_: &Event<OrderPaid>) {}

#[receiver(ORDER_PLACED)]
async fn on_paid_later(_: &Event<OrderPaid>) {}

#[receiver(ORDER_PLACED)]
async fn on_paid_shared(_: std::sync::Arc<Event<OrderPaid>>) {}

fn main() {}
