use events_runtime::EventData;

#[derive(EventData)]
enum Shape {
    Rectangle(f64, f64),
    Empty(),
}

fn main() {}
