use events_runtime::PublicSignal;

type Maybe<T> = Option<T>;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrolled.v1", profile = "openedx")]
struct Enrolled {
    course: Maybe<String>,
}

fn main() {}
