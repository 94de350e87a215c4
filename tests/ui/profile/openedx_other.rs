use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrolled.v1", profile = "openedx")]
struct Enrolled {
    start: Start,
}

#[derive(EventData)]
enum Start {
    At {
        day: String,
    },
    #[event(other)]
    Unknown,
}

fn main() {}
