use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrolled.v1", profile = "edx")]
struct Enrolled {
    course: String,
}

fn main() {}
