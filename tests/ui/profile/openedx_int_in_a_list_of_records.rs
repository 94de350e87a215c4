use std::collections::BTreeMap;

use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrolled.v1", profile = "openedx")]
struct Enrolled {
    course: Course,
}

#[derive(EventData)]
struct Course {
    units: Vec<BTreeMap<String, Vec<Unit>>>,
}

#[derive(EventData)]
struct Unit {
    points: i32,
}

fn main() {}
