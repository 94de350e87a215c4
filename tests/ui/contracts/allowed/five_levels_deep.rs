//! The rules apply at any depth.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Position {
    longitude: f64,
    latitude: f64,
    #[event(default = 0.0)]
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
#[public_signal(event_type = "org.acme.allowed.five_levels_deep.v1", schemas = "../schemas")]
struct OrderPlaced {
    order: Order,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
