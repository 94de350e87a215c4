use events_runtime::EventData;

#[derive(EventData)]
struct Größe {
    value: i32,
}

#[derive(EventData)]
enum Ampel {
    Rot,
    Grün,
}

fn main() {}
