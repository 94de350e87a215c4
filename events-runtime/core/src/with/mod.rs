//! Modules for `#[event(with = …)]`: other encodings of a value.
//!
//! | Module | For | Avro |
//! |---|---|---|
//! | [`timestamp_millis`], [`timestamp_micros`] | instants: `jiff::Timestamp`, `chrono::DateTime<Utc>`, `time::UtcDateTime` | `timestamp-millis`, `timestamp-micros` on `long` |
//! | [`local_timestamp_millis`], [`local_timestamp_micros`] | civil dates and times: `jiff::civil::DateTime`, `chrono::NaiveDateTime`, `time::PrimitiveDateTime` | `local-timestamp-millis`, `local-timestamp-micros` on `long` |
//! | [`isoformat`] | instants, in the form of Python's `datetime.isoformat()`, as Open edX uses it | `string` |
//! | [`text`] | types with `Display` and a `FromStr` that parses it: `IpAddr`, `u128`, … | `string` |
//!
//! Each has a module `option` for fields of type `Option<T>`.
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
//! Such a module has a type `Repr`, which implements `EventData`, and two functions:
//! `to_repr(&T) -> Result<Repr, impl Display>` and `from_repr(Repr) -> Result<T, impl Display>`.
//!
//! # Times
//!
//! Without these modules, an instant is encoded as `timestamp-nanos`, which ranges from 1677 to 2262.
//! Coarser units have a larger range. They do not round: an instant with digits below the unit is an
//! [`EncodeError`](crate::avro::EncodeError), so a reader gets exactly what was written. Round instants when you
//! create them: `Timestamp::now().round(Unit::Millisecond)`.

use std::convert::Infallible;
use std::fmt::Display;
use std::str::FromStr;

pub use crate::payload::moment::{CivilDateTime, Instant, TimeError};

/// The module `option` of a `with` module for times.
macro_rules! option_module {
    ($moment:ident) => {
        /// The same for an `Option`: `["null", T]`.
        pub mod option {
            use super::{TimeError, $moment};

            /// The encoded form.
            pub type Repr = Option<super::Repr>;

            /// Converts a time to its encoded form.
            ///
            /// # Errors
            /// Those of `to_repr` for the time itself.
            pub fn to_repr<T: $moment>(value: &Option<T>) -> Result<Repr, TimeError> {
                value.as_ref().map(super::to_repr).transpose()
            }

            /// Converts the encoded form to a time.
            ///
            /// # Errors
            /// Those of `from_repr` for the time itself.
            pub fn from_repr<T: $moment>(repr: Repr) -> Result<Option<T>, TimeError> {
                repr.map(super::from_repr).transpose()
            }
        }
    };
}

pub mod isoformat;

macro_rules! timestamp {
    ($module:ident, $moment:ident, $logical:literal, $unit:literal, $per_second:literal) => {
        #[doc = concat!("`", $logical, "` on `long`, for any [`", stringify!($moment), "`].")]
        pub mod $module {
            use super::{TimeError, $moment};
            use crate::EventData;
            use crate::codec::{DecodeError, LONG_MAX_LEN, Reader, Schema, Writer};
            use crate::payload::moment;

            const NANOS_PER_UNIT: i128 = moment::NANOS_PER_SECOND as i128 / $per_second;

            #[doc = concat!("The encoded form: a number of ", $unit, "s.")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct Repr(i64);

            impl EventData for Repr {
                const SCHEMA: &'static Schema = &Schema::Logical(&moment::logical(
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

            /// Converts a time to its encoded form.
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

            /// Converts the encoded form to a time.
            ///
            /// # Errors
            /// The number is beyond the years of `T`.
            pub fn from_repr<T: $moment>(repr: Repr) -> Result<T, TimeError> {
                let (seconds, nanos) = moment::parts(repr.0, $per_second);
                T::from_parts(seconds, nanos).ok_or(TimeError::Unrepresentable)
            }

            option_module!($moment);
        }
    };
}

timestamp!(timestamp_millis, Instant, "timestamp-millis", "millisecond", 1_000);
timestamp!(timestamp_micros, Instant, "timestamp-micros", "microsecond", 1_000_000);
timestamp!(local_timestamp_millis, CivilDateTime, "local-timestamp-millis", "millisecond", 1_000);
timestamp!(local_timestamp_micros, CivilDateTime, "local-timestamp-micros", "microsecond", 1_000_000);

/// `string`, for types with `Display` and a `FromStr` that parses it.
pub mod text {
    use super::{Display, FromStr, Infallible};

    /// The encoded form.
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
    #[allow(clippy::needless_pass_by_value, reason = "the signature of every `with` module")]
    pub fn from_repr<T: FromStr>(repr: Repr) -> Result<T, T::Err> {
        repr.parse()
    }

    /// The same for an `Option`: `["null", "string"]`.
    pub mod option {
        use super::{Display, FromStr, Infallible};

        /// The encoded form.
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
