//! Modules for `#[event(with = …)]`: other ways to hold a value in an event.
//!
//! | Module | For | Avro |
//! |---|---|---|
//! | [`timestamp_millis`], [`timestamp_micros`] | instants: `jiff::Timestamp`, `chrono::DateTime<Utc>`, `time::UtcDateTime` | `timestamp-millis`, `timestamp-micros` on `long` |
//! | [`local_timestamp_millis`], [`local_timestamp_micros`] | civil dates and times: `jiff::civil::DateTime`, `chrono::NaiveDateTime`, `time::PrimitiveDateTime` | `local-timestamp-millis`, `local-timestamp-micros` on `long` |
//! | [`isoformat`] | instants, as Python's `datetime.isoformat()` writes them: Open edX's times | `string` |
//! | [`text`] | whatever has `Display` and a `FromStr` that reads it back: `IpAddr`, `u128`, … | `string` |
//!
//! Each has a module `option` for a field of `Option<T>`.
//!
//! ```
//! use events_runtime::EventData;
//!
//! #[derive(Debug, PartialEq, EventData)]
//! struct Login {
//!     #[event(with = events_runtime::with::text)]
//!     from: std::net::IpAddr,
//!     #[event(with = events_runtime::with::text::option)]
//!     proxy: Option<std::net::IpAddr>,
//! }
//!
//! let login = Login { from: [127, 0, 0, 1].into(), proxy: None };
//! let datum = events_runtime::avro::to_vec(&login).unwrap();
//! assert_eq!(datum, b"\x12127.0.0.1\0");
//! assert_eq!(events_runtime::avro::from_slice::<Login>(&datum).unwrap(), login);
//! ```
//!
//! To write another such module: a type `Repr` that is `EventData`, and two functions
//! `to_repr(&T) -> Result<Repr, impl Display>` and `from_repr(Repr) -> Result<T, impl Display>`.
//!
//! # Times
//!
//! An instant is `timestamp-nanos` without any of these modules, which reaches from 1677 to 2262.
//! The coarser units reach further. They do not round: an instant with digits below the unit is
//! an [`EncodeError`](crate::avro::EncodeError), so that what is read is what was written. Round
//! where the instant is made, `Timestamp::now().round(Unit::Millisecond)`.

pub mod isoformat;

use std::convert::Infallible;
use std::fmt::Display;
use std::str::FromStr;

use crate::avro::Schema;
use events_schema::tree::Logical;

pub(crate) const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A time that Avro can't hold, or a number that is no such time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// More digits than the unit has.
    #[error("the time has digits below a {unit}: round it before it goes into an event")]
    Digits {
        /// The unit, such as `microsecond`.
        unit: &'static str,
    },
    /// A leap second of chrono's.
    #[error("a leap second has no place in an Avro time: use the second before or after it")]
    LeapSecond,
    /// A time beyond the years that the Avro type holds.
    #[error("the time is beyond the years that an Avro `{avro}` holds")]
    OutOfRange {
        /// The logical type.
        avro: &'static str,
    },
    /// A number beyond the years that the Rust type holds.
    #[error("the time is beyond the years that the Rust type holds")]
    Unrepresentable,
    /// A year that Python's `datetime` does not have.
    #[error("the time is beyond the years 1 to 9999 of Python's datetime")]
    BeyondPython,
    /// A text that is no ISO 8601 time with an offset.
    #[error(
        "a string of {len} bytes is no time with an offset such as 2023-01-02T03:04:05.678901+00:00: where it has none, use a String"
    )]
    NotIso {
        /// The bytes of the text, which itself may be long, and anything.
        len: usize,
    },
    /// A number beyond 24 hours, or below zero.
    #[error("the number is no time of day, which is at least 0 and below 24 hours")]
    NoTimeOfDay,
}

/// A point on the time line: `jiff::Timestamp`, `chrono::DateTime<Utc>`, `time::UtcDateTime`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no instant in UTC",
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

    /// The instant so many seconds, and nanoseconds below a second, after 1970-01-01T00:00:00Z.
    fn from_parts(seconds: i64, nanos: u32) -> Option<Self>;
}

/// A date and time in no time zone: `jiff::civil::DateTime`, `chrono::NaiveDateTime`,
/// `time::PrimitiveDateTime`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no civil date and time",
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

    /// The time so many seconds, and nanoseconds below a second, after 1970-01-01T00:00:00.
    fn from_parts(seconds: i64, nanos: u32) -> Option<Self>;
}

/// A logical type on `long` or `int`.
pub(crate) const fn logical(base: Schema, name: &'static str, attributes: &'static str) -> Logical {
    Logical { base, name, attributes }
}

/// Whole units, so many per second, as seconds and the nanoseconds behind them.
pub(crate) fn parts(units: i64, per_second: i64) -> (i64, u32) {
    let nanos = units.rem_euclid(per_second) * (NANOS_PER_SECOND / per_second);
    // Below a billion.
    (units.div_euclid(per_second), u32::try_from(nanos).unwrap_or_default())
}

macro_rules! timestamp {
    ($module:ident, $moment:ident, $logical:literal, $unit:literal, $per_second:literal) => {
        #[doc = concat!("`", $logical, "` on `long`, for any [`", stringify!($moment), "`].")]
        pub mod $module {
            use super::{TimeError, $moment};
            use crate::EventData;
            use crate::avro::{DecodeError, LONG_MAX_LEN, Reader, Schema, Writer};
            use crate::with;

            const NANOS_PER_UNIT: i128 = with::NANOS_PER_SECOND as i128 / $per_second;

            #[doc = concat!("What is written: a number of ", $unit, "s.")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct Repr(i64);

            impl EventData for Repr {
                const SCHEMA: &'static Schema = &Schema::Logical(&with::logical(
                    Schema::Long,
                    $logical,
                    concat!("\"logicalType\":\"", $logical, "\""),
                ));
                const MIN_LEN: usize = 1;

                #[inline]
                fn max_len(&self) -> usize {
                    LONG_MAX_LEN
                }

                #[inline]
                fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
                    writer.long(self.0)
                }

                #[inline]
                fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                    reader.long().map(Self)
                }
            }

            /// Converts a time to what is written.
            ///
            /// # Errors
            /// The time has digits below the unit, or is a leap second.
            pub fn to_repr<T: $moment>(value: &T) -> Result<Repr, TimeError> {
                let nanos = value.to_nanos()?;
                if nanos % NANOS_PER_UNIT != 0 {
                    return Err(TimeError::Digits { unit: $unit });
                }
                let units = i64::try_from(nanos / NANOS_PER_UNIT);
                units.map(Repr).map_err(|_| TimeError::OutOfRange { avro: $logical })
            }

            /// Converts back.
            ///
            /// # Errors
            /// The number is beyond the years that `T` holds.
            pub fn from_repr<T: $moment>(repr: Repr) -> Result<T, TimeError> {
                let (seconds, nanos) = with::parts(repr.0, $per_second);
                T::from_parts(seconds, nanos).ok_or(TimeError::Unrepresentable)
            }

            /// The same for an `Option`: `["null", T]`.
            pub mod option {
                use super::{TimeError, $moment};

                /// What is written.
                pub type Repr = Option<super::Repr>;

                /// Converts a time to what is written.
                ///
                /// # Errors
                /// The time has digits below the unit, or is a leap second.
                pub fn to_repr<T: $moment>(value: &Option<T>) -> Result<Repr, TimeError> {
                    value.as_ref().map(super::to_repr).transpose()
                }

                /// Converts back.
                ///
                /// # Errors
                /// The number is beyond the years that `T` holds.
                pub fn from_repr<T: $moment>(repr: Repr) -> Result<Option<T>, TimeError> {
                    repr.map(super::from_repr).transpose()
                }
            }
        }
    };
}

timestamp!(timestamp_millis, Instant, "timestamp-millis", "millisecond", 1_000);
timestamp!(timestamp_micros, Instant, "timestamp-micros", "microsecond", 1_000_000);
timestamp!(local_timestamp_millis, CivilDateTime, "local-timestamp-millis", "millisecond", 1_000);
timestamp!(local_timestamp_micros, CivilDateTime, "local-timestamp-micros", "microsecond", 1_000_000);

/// `string`, for whatever has `Display` and a `FromStr` that reads it back.
pub mod text {
    use super::{Display, FromStr, Infallible};

    /// What is written.
    pub type Repr = String;

    /// Converts a value to its text.
    ///
    /// # Errors
    /// None.
    pub fn to_repr<T: Display>(value: &T) -> Result<Repr, Infallible> {
        Ok(value.to_string())
    }

    /// Parses the text.
    ///
    /// # Errors
    /// Those of `T`'s `FromStr`.
    #[allow(clippy::needless_pass_by_value, reason = "the form of every `with` module")]
    pub fn from_repr<T: FromStr>(repr: Repr) -> Result<T, T::Err> {
        repr.parse()
    }

    /// The same for an `Option`: `["null", "string"]`.
    pub mod option {
        use super::{Display, FromStr, Infallible};

        /// What is written.
        pub type Repr = Option<String>;

        /// Converts a value to its text.
        ///
        /// # Errors
        /// None.
        pub fn to_repr<T: Display>(value: &Option<T>) -> Result<Repr, Infallible> {
            Ok(value.as_ref().map(ToString::to_string))
        }

        /// Parses the text.
        ///
        /// # Errors
        /// Those of `T`'s `FromStr`.
        pub fn from_repr<T: FromStr>(repr: Repr) -> Result<Option<T>, T::Err> {
            repr.map(|text| text.parse()).transpose()
        }
    }
}
