use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Category {
    name: String,
    position: i32,
    children: Vec<Category>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.recursive.v1", schemas = "../schemas")]
struct OrderPlaced {
    category: Category,
}

fn main() {}
