use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.folder_is_a_file.v1", schemas = "../schemas")]
struct OrderPlaced {
    id: String,
}

fn main() {}
