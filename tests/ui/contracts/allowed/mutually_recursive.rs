//! Mutually recursive types have new fields.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct Folder {
    name: String,
    entries: Vec<Entry>,
    #[event(default = false)]
    hidden: bool,
}

#[derive(EventData)]
struct Entry {
    label: String,
    #[event(back_ref = Folder)]
    folder: Option<Folder>,
    note: Option<String>,
}

#[derive(PublicSignal)]
#[public_signal(event_type = "org.acme.allowed.mutually_recursive.v1", schemas = "../schemas")]
struct OrderPlaced {
    folder: Folder,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
