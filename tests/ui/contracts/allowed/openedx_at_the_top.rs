//! Open edX accepts new data at the top level, with or without a default.

use events_runtime::{EventData, PublicSignal};

#[derive(EventData)]
struct User {
    id: String,
}

#[derive(EventData)]
struct Course {
    key: String,
}

#[derive(PublicSignal)]
#[public_signal(
    event_type = "org.acme.allowed.openedx_at_the_top.v1",
    schemas = "../schemas",
    compatibility = "openedx"
)]
struct OrderPlaced {
    user: User,
    course: Course,
}

#[test]
fn is_allowed() {
    crate::is_allowed::<OrderPlaced>(1);
}
