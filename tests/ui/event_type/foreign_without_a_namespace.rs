use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "shop.order-placed", foreign = "published by the old shop")]
struct OrderPlaced {
    order_id: String,
}

fn main() {}
