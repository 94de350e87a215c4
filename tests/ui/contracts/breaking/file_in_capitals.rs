use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.file_in_capitals.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
}

fn main() {}
