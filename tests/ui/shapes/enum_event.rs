use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.changed.v1")]
enum OrderChanged {
    Placed { order_id: String },
    Paid,
}

fn main() {}
