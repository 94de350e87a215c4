use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme..order.placed.v1")]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
