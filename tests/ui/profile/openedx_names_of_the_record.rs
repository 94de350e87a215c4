use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.openedx.learning.course.enrolled.v1",
    profile = "openedx",
    name = "Enrolled",
    namespace = "org.openedx"
)]
struct Enrolled {
    course: String,
}

fn main() {}
