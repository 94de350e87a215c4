//! How the types of the three crates of dates and times are encoded in Avro.
//!
//! | Rust | Avro | rejected when written |
//! |---|---|---|
//! | an instant | `timestamp-nanos` on `long` | before 1677-09-21 and after 2262-04-11 |
//! | a civil date and time | `local-timestamp-nanos` on `long` | the same |
//! | a civil date | `date` on `int` | never |
//! | a time of day | `time-micros` on `long` | digits below a microsecond |
//!
//! Avro has no time of day in nanoseconds. The modules of `with` write instants, and civil dates and times, in
//! units with a larger range.

pub(super) use super::moment::NANOS_PER_SECOND;
use super::moment::{TimeError, parts};
use crate::codec::{EncodeError, EncodeErrorKind};

const NANOS_PER_MICRO: i64 = 1_000;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Nanoseconds as a `long`.
pub(super) fn nanos_long(nanos: Result<i128, TimeError>, avro: &'static str) -> Result<i64, EncodeError> {
    let nanos = nanos.map_err(EncodeError::invalid)?;
    i64::try_from(nanos).map_err(|_| EncodeError::new(EncodeErrorKind::OutOfRange { value: nanos, avro }))
}

/// The microseconds of a time of day, from its nanoseconds.
pub(super) fn micros_of_day(nanos: Result<i64, TimeError>) -> Result<i64, EncodeError> {
    let nanos = nanos.map_err(EncodeError::invalid)?;
    if nanos % NANOS_PER_MICRO == 0 {
        Ok(nanos / NANOS_PER_MICRO)
    } else {
        Err(EncodeError::invalid(TimeError::Digits { unit: "microsecond" }))
    }
}

/// The seconds and nanoseconds of a time of day; `None` if it is out of range.
pub(super) fn parts_of_day(micros: i64) -> Option<(u32, u32)> {
    let (seconds, nanos) = parts(micros, MICROS_PER_SECOND);
    let seconds = u32::try_from(seconds).ok()?;
    (seconds < 86_400).then_some((seconds, nanos))
}

/// `EventData` of a type on `long`: `$to_long` rejects values that the logical type can't hold.
macro_rules! on_long {
    ($rust:ty, $logical:literal, $doc:literal, $to_long:expr, $from_long:expr, $invalid:ident) => {
        #[doc = concat!("`", $logical, "` on `long`: ", $doc, " is an `EncodeError`.")]
        impl $crate::EventData for $rust {
            const SCHEMA: &'static $crate::codec::Schema =
                &$crate::codec::Schema::Logical(&$crate::payload::moment::logical(
                    $crate::codec::Schema::Long,
                    $logical,
                    concat!("\"logicalType\":\"", $logical, "\""),
                ));
            const MIN_LEN: usize = 1;
            const FALLIBLE: bool = true;

            #[inline]
            fn max_len(&self) -> usize {
                $crate::codec::LONG_MAX_LEN
            }

            #[inline]
            fn check(&self, _: usize) -> Result<(), $crate::codec::EncodeError> {
                let to_long: fn(&$rust) -> Result<i64, $crate::codec::EncodeError> = $to_long;
                to_long(self).map(|_| ())
            }

            #[inline]
            fn encode<'w>(&self, writer: $crate::codec::Writer<'w>) -> $crate::codec::Writer<'w> {
                let to_long: fn(&$rust) -> Result<i64, $crate::codec::EncodeError> = $to_long;
                // `check` has rejected what does not fit.
                writer.long(to_long(self).unwrap_or_default())
            }

            #[inline]
            fn decode(reader: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::DecodeError> {
                let from_long: fn(i64) -> Option<$rust> = $from_long;
                from_long(reader.long()?)
                    .ok_or_else(|| reader.invalid($crate::payload::moment::TimeError::$invalid))
            }
        }
    };
}

/// `EventData` of an instant or of a civil date and time, through its trait.
macro_rules! nanos {
    ($rust:ty: $moment:ident, $logical:literal) => {
        $crate::payload::calendar::on_long!(
            $rust,
            $logical,
            "a time outside of 1677-09-21 to 2262-04-11",
            |time| {
                $crate::payload::calendar::nanos_long(
                    $crate::payload::moment::$moment::to_nanos(time),
                    $logical,
                )
            },
            |nanos| {
                let (seconds, nanos) =
                    $crate::payload::moment::parts(nanos, $crate::payload::moment::NANOS_PER_SECOND);
                $crate::payload::moment::$moment::from_parts(seconds, nanos)
            },
            Unrepresentable
        );
    };
}

/// `EventData` of a civil date, from the days since 1970-01-01.
macro_rules! date {
    ($rust:ty, $to_days:expr, $from_days:expr) => {
        /// `date` on `int`: the days since 1970-01-01.
        impl $crate::EventData for $rust {
            const SCHEMA: &'static $crate::codec::Schema =
                &$crate::codec::Schema::Logical(&$crate::payload::moment::logical(
                    $crate::codec::Schema::Int,
                    "date",
                    "\"logicalType\":\"date\"",
                ));
            const MIN_LEN: usize = 1;

            #[inline]
            fn max_len(&self) -> usize {
                $crate::codec::INT_MAX_LEN
            }

            #[inline]
            fn encode<'w>(&self, writer: $crate::codec::Writer<'w>) -> $crate::codec::Writer<'w> {
                let days: fn($rust) -> i32 = $to_days;
                writer.long(i64::from(days(*self)))
            }

            #[inline]
            fn decode(reader: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::DecodeError> {
                let date: fn(i32) -> Option<$rust> = $from_days;
                date(reader.integer()?)
                    .ok_or_else(|| reader.invalid($crate::payload::moment::TimeError::Unrepresentable))
            }
        }
    };
}

/// `EventData` of a time of day, from the nanoseconds since midnight.
macro_rules! time_of_day {
    ($rust:ty, $to_nanos:expr, $from_parts:expr) => {
        $crate::payload::calendar::on_long!(
            $rust,
            "time-micros",
            "a time with digits below a microsecond",
            |time| {
                let nanos: fn($rust) -> Result<i64, $crate::payload::moment::TimeError> = $to_nanos;
                $crate::payload::calendar::micros_of_day(nanos(*time))
            },
            |micros| {
                let time: fn(u32, u32) -> Option<$rust> = $from_parts;
                $crate::payload::calendar::parts_of_day(micros)
                    .and_then(|(seconds, nanos)| time(seconds, nanos))
            },
            NoTimeOfDay
        );
    };
}

pub(super) use {date, nanos, on_long, time_of_day};
