use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Folder {
    name: String,
    entries: Vec<Entry>,
}

#[derive(EventData)]
struct Entry {
    label: String,
    folder: Option<Folder>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.files.folder.created.v1")]
struct FolderCreated {
    folder: Folder,
}

fn main() {}
