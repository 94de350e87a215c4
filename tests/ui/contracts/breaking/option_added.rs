use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.option_added.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
    note: Option<String>,
}

fn main() {}
