use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Customer<'a> {
    name: std::borrow::Cow<'a, str>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced<'a> {
    name: &'a str,
}

fn main() {}
