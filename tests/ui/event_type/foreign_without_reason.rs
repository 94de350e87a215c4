use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "order-placed", foreign = " ", namespace = "shop")]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
