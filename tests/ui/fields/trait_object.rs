use events_runtime::EventData;

#[derive(EventData)]
struct Job {
    task: Box<dyn Send>,
}

fn main() {}
