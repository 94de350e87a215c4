use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.re-opened.v1")]
struct OrderReopened {
    order_id: String,
}

fn main() {}
