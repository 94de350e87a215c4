use events_runtime::EventData;

#[derive(EventData)]
struct Job {
    run: fn() -> bool,
    check: Option<fn(i32)>,
}

fn main() {}
