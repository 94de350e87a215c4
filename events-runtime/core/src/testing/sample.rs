//! Events for this crate's own tests.

use crate::{EventData, PublicSignal};

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.placed.v1", minor_version = 2, key = number)]
pub(crate) struct OrderPlaced {
    /// Can't be encoded beyond `i64::MAX`.
    pub(crate) number: u64,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.acme.orders.order.paid.v1")]
pub(crate) struct OrderPaid {
    pub(crate) number: u64,
}

#[derive(Debug, Clone, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.openedx.learning.course.enrolled.v1", profile = "openedx")]
pub(crate) struct CourseEnrolled {
    pub(crate) course: Course,
}

#[derive(Debug, Clone, PartialEq, EventData)]
pub(crate) struct Course {
    pub(crate) name: String,
}

pub(crate) fn placed(number: u64) -> OrderPlaced {
    OrderPlaced { number }
}

pub(crate) fn paid(number: u64) -> OrderPaid {
    OrderPaid { number }
}

pub(crate) fn enrolled() -> CourseEnrolled {
    CourseEnrolled { course: Course { name: "Rust".to_owned() } }
}
