use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    order_id: String,
    opaque: events_ui_tests::Opaque,
    took: std::time::Duration,
}

fn main() {}
