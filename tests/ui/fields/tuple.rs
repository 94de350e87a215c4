use events_runtime::EventData;

#[derive(EventData)]
struct Place {
    point: (f64, f64),
    path: Vec<(f64, f64)>,
}

fn main() {}
