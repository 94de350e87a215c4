use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced(String);

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.paid.v1")]
struct OrderPaid(String, i64);

fn main() {}
