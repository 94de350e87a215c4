use events_runtime::{EventData, PublicSignal};

#[derive(PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrolled.v1", profile = "openedx")]
struct Enrolled {
    course: Course,
}

#[derive(EventData)]
struct Course {
    start: Instant,
}

#[derive(EventData)]
struct Instant(#[event(with = events_runtime::with::timestamp_micros)] Moment);

struct Moment;

impl events_runtime::with::Instant for Moment {
    fn to_nanos(&self) -> Result<i128, events_runtime::with::TimeError> {
        Ok(0)
    }

    fn from_parts(_: i64, _: u32) -> Option<Self> {
        Some(Self)
    }
}

fn main() {}
