use events_runtime::EventData;

#[derive(EventData)]
struct Paket {
    größe: i32,
}

fn main() {}
