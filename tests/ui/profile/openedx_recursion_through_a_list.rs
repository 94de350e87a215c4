use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrolled.v1", profile = "openedx")]
struct Enrolled {
    topic: Topic,
}

#[derive(EventData)]
struct Topic {
    name: String,
    parent: Option<Box<Topic>>,
    children: Vec<Topic>,
}

fn main() {}
