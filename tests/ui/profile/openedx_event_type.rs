use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.Größe.v1", profile = "openedx")]
struct Enrolled {
    course: String,
}

fn main() {}
