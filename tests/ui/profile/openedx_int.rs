use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrolled.v1", profile = "openedx")]
struct Enrolled {
    number: i32,
    course: Course,
}

#[derive(EventData)]
struct Course {
    hours: Option<u16>,
    id: u32,
}

fn main() {}
