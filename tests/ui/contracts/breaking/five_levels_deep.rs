use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Position {
    latitude: f32,
    height: f64,
}

#[derive(EventData)]
struct Place {
    position: Position,
}

#[derive(EventData)]
struct Address {
    place: Place,
}

#[derive(EventData)]
struct Customer {
    address: Option<Address>,
}

#[derive(EventData)]
struct Order {
    customer: Customer,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.five_levels_deep.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    order: Order,
}

fn main() {}
