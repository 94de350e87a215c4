use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.items_optional.v1", schemas = "../schemas")]
struct OrderPlaced {
    notes: Vec<Option<String>>,
}

fn main() {}
