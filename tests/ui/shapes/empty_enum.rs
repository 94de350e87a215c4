use events_runtime::EventData;

#[derive(EventData)]
enum Never {}

fn main() {}
