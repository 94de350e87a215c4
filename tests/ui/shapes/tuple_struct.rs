use events_runtime::EventData;

#[derive(EventData)]
struct Point(f64, f64);

#[derive(EventData)]
struct Nothing();

fn main() {}
