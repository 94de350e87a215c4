use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Folder {
    name: String,
}

#[derive(EventData)]
struct Entry {
    label: String,
    #[event(back_ref = Folder)]
    folder: Option<Folder>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.files.entry.created.v1")]
struct EntryCreated {
    user: String,
    entry: Entry,
}

fn main() {}
