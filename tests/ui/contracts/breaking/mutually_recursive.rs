use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Folder {
    name: String,
    entries: Vec<Entry>,
}

#[derive(EventData)]
struct Entry {
    label: String,
    #[event(back_ref = Folder)]
    folder: Option<Folder>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.broken.mutually_recursive.v1", schemas = "../schemas")]
struct OrderPlaced {
    folder: Folder,
}

fn main() {}
