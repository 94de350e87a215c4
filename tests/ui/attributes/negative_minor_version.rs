use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", minor_version = -1)]
struct OrderPlaced {
    order_id: String,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.paid.v1", minor_version = 4_294_967_296)]
struct OrderPaid {
    order_id: String,
}

fn main() {}
