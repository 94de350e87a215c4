use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrolled.v1", profile = "openedx")]
struct Enrolled {
    course: Course,
}

#[derive(EventData)]
struct Course {
    grades: BTreeMap<String, Vec<Option<f64>>>,
}

fn main() {}
