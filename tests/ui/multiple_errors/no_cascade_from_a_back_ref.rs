use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Folder {
    #[event(renme = "title")]
    name: String,
    entries: Vec<Entry>,
}

#[derive(EventData)]
struct Entry {
    #[event(back_ref = Folder)]
    folder: Option<Box<Folder>>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.files.folder.created.v1")]
struct FolderCreated {
    folder: Folder,
}

fn main() {}
