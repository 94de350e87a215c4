use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrolled.v1", profile = "openedx")]
struct Enrolled {
    courses: Vec<String>,
}

fn main() {}
