use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.file_without_a_schema.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
}

fn main() {}
