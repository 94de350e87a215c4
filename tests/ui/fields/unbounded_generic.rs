use events_runtime::EventData;

struct Opaque;

#[derive(EventData)]
struct Page<T> {
    items: Vec<T>,
}

#[derive(EventData)]
struct Pages {
    page: Page<Opaque>,
}

fn main() {}
