use events_runtime::{Event, PublicSignal, receiver};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
pub struct OrderPlaced {
    pub number: u32,
}

#[receiver(ORDER_PLACED)]
async fn counts(_: &Event<OrderPlaced>) {
    let count = std::rc::Rc::new(0);
    std::future::ready(()).await;
    drop(count);
}

fn main() {}
