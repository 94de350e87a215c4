use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
union Bits {
    int: i32,
    float: f32,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1")]
union OrderPlaced {
    int: i32,
}

fn main() {}
