use events_runtime::EventData;

#[derive(EventData)]
struct Readings {
    values: [f64],
}

fn main() {}
