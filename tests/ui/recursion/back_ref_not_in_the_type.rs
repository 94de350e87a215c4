use events_runtime::EventData;

#[derive(EventData)]
struct Entry {
    #[event(back_ref = Folder)]
    label: String,
}

#[derive(EventData)]
struct Folder {
    entries: Vec<Entry>,
}

fn main() {}
