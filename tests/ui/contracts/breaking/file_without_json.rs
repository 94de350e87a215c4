use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.file_without_json.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
}

fn main() {}
