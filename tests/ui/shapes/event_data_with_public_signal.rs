use events_runtime::EventData;

#[derive(EventData)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
