//! Instants, and civil dates and times, of any crate.

use events_schema::tree::{Logical, Schema};

pub(crate) const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A time that Avro can't hold, or a datum that is not a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// More digits than the unit has.
    #[error("the time has digits below a {unit}: round it before you put it into an event")]
    Digits {
        /// The unit, such as `microsecond`.
        unit: &'static str,
    },
    /// A leap second, which only chrono has.
    #[error("Avro times have no leap seconds: use the second before or after it")]
    LeapSecond,
    /// A time beyond the years of the Avro type.
    #[error("the time is beyond the years of an Avro `{avro}`")]
    OutOfRange {
        /// The logical type.
        avro: &'static str,
    },
    /// A number beyond the years of the Rust type.
    #[error("the time is beyond the years of the Rust type")]
    Unrepresentable,
    /// A year that Python's `datetime` does not have.
    #[error("the time is beyond the years 1 to 9999 of Python's datetime")]
    BeyondPython,
    /// A text that is not an ISO 8601 time with an offset.
    #[error(
        "a string of {len} bytes is not a time with an offset such as 2023-01-02T03:04:05.678901+00:00: for a time without an offset, use a String"
    )]
    NotIso {
        /// The length of the text in bytes. The text itself may be long, or personal data.
        len: usize,
    },
    /// A number below zero, or of 24 hours or more.
    #[error("the number is not a time of day: it must be at least 0 and below 24 hours")]
    NoTimeOfDay,
}

/// A point on the time line: `jiff::Timestamp`, `chrono::DateTime<Utc>`, `time::UtcDateTime`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an instant in UTC",
    label = "not an instant",
    note = "instants are `jiff::Timestamp`, `chrono::DateTime<Utc>`, `time::UtcDateTime`, behind the features `jiff`, `chrono`, `time`",
    note = "for a civil date and time use `local_timestamp_millis` or `local_timestamp_micros`; for an `Option` the module `option` inside"
)]
pub trait Instant: Sized {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// The instant is a leap second.
    fn to_nanos(&self) -> Result<i128, TimeError>;

    /// The instant this many seconds, plus nanoseconds below a second, after 1970-01-01T00:00:00Z.
    fn from_parts(seconds: i64, nanos: u32) -> Option<Self>;
}

/// A date and time without a time zone: `jiff::civil::DateTime`, `chrono::NaiveDateTime`,
/// `time::PrimitiveDateTime`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a civil date and time",
    label = "not a civil date and time",
    note = "they are `jiff::civil::DateTime`, `chrono::NaiveDateTime`, `time::PrimitiveDateTime`, behind the features `jiff`, `chrono`, `time`",
    note = "for an instant use `timestamp_millis` or `timestamp_micros`; for an `Option` the module `option` inside"
)]
pub trait CivilDateTime: Sized {
    /// Nanoseconds since 1970-01-01T00:00:00.
    ///
    /// # Errors
    /// The time is a leap second.
    fn to_nanos(&self) -> Result<i128, TimeError>;

    /// The time this many seconds, plus nanoseconds below a second, after 1970-01-01T00:00:00.
    fn from_parts(seconds: i64, nanos: u32) -> Option<Self>;
}

/// A logical type.
pub(crate) const fn logical(base: Schema, name: &'static str, attributes: &'static str) -> Logical {
    Logical { base, name, attributes }
}

/// A number of units, `per_second` of them a second, as seconds and nanoseconds.
pub(crate) fn parts(units: i64, per_second: i64) -> (i64, u32) {
    let nanos = units.rem_euclid(per_second) * (NANOS_PER_SECOND / per_second);
    // Below a billion.
    (units.div_euclid(per_second), u32::try_from(nanos).unwrap_or_default())
}
