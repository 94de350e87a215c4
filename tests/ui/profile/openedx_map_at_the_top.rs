use std::collections::BTreeMap;

use events_runtime::PublicSignal;

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrolled.v1", profile = "openedx")]
struct Enrolled {
    grades: BTreeMap<String, f64>,
}

fn main() {}
