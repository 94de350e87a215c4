//! A recursive type has a new field.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Category {
    name: String,
    children: Vec<Category>,
    parent: Option<Box<Category>>,
    #[event(default = 0)]
    position: i32,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.recursive.v1", schemas = "../schemas")]
struct OrderPlaced {
    category: Category,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
