//! The text of Python's `datetime.isoformat()` in UTC, for any [`Instant`].
//!
//! `2023-01-02T03:04:05.678901+00:00`: six digits of a second, or none if they are zero. Open edX's events hold
//! a `datetime` in this form. Digits below a microsecond, and years that
//! Python's `datetime` does not have (before 1, after 9999), are an
//! [`EncodeError`](crate::avro::EncodeError).
//!
//! Reads ISO 8601 with an offset or `Z`. A text without an offset is not an instant: hold it in a `String`.

use jiff::SignedDuration;
use jiff::fmt::temporal::DateTimePrinter;

use super::{Instant, TimeError};
use crate::EventData;
use crate::codec::{DecodeError, Reader, Schema, Writer};
use crate::payload::moment::NANOS_PER_SECOND;
use events_support::rfc3339::{self, civil};

/// The encoded form: the text of a time.
///
/// Not a `String`, because this text is never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repr(String);

impl Repr {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Accepts any text; [`from_repr`] checks it.
impl From<String> for Repr {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Repr> for String {
    fn from(repr: Repr) -> Self {
        repr.0
    }
}

impl EventData for Repr {
    const SCHEMA: &'static Schema = String::SCHEMA;
    const MIN_LEN: usize = String::MIN_LEN;
    const MAY_BE_FALSY: bool = false;

    #[inline]
    fn max_len(&self) -> usize {
        self.0.max_len()
    }

    #[inline]
    fn encode<'w>(&self, writer: Writer<'w>) -> Writer<'w> {
        self.0.encode(writer)
    }

    #[inline]
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        String::decode(reader).map(Self)
    }
}

const PRINTER: DateTimePrinter = DateTimePrinter::new();

/// Converts a time to its text.
///
/// # Errors
/// The time has digits below a microsecond, is a leap second, or is in a year that Python's
/// `datetime` does not have.
pub fn to_repr<T: Instant>(value: &T) -> Result<Repr, TimeError> {
    let nanos = value.to_nanos()?;
    if nanos % 1_000 != 0 {
        return Err(TimeError::Digits { unit: "microsecond" });
    }
    let utc = civil(nanos).filter(|utc| utc.year() >= 1).ok_or(TimeError::BeyondPython)?;
    let digits = if utc.subsec_nanosecond() == 0 { 0 } else { 6 };
    Ok(Repr(PRINTER.precision(Some(digits)).datetime_to_string(&utc) + "+00:00"))
}

/// Reads the text.
///
/// # Errors
/// The text is not a time with an offset, or is beyond the years of `T`.
#[allow(clippy::needless_pass_by_value, reason = "the signature of every `with` module")]
pub fn from_repr<T: Instant>(repr: Repr) -> Result<T, TimeError> {
    let since = since_epoch(&repr.0).ok_or(TimeError::NotIso { len: repr.0.len() })?;
    let below = since.subsec_nanos();
    // In a negative duration, both parts are negative.
    let (seconds, below) = match u32::try_from(below) {
        Ok(below) => (since.as_secs(), below),
        Err(_) => (since.as_secs() - 1, u32::try_from(i64::from(below) + NANOS_PER_SECOND).unwrap_or(0)),
    };
    T::from_parts(seconds, below).ok_or(TimeError::Unrepresentable)
}

/// The time since 1970; `None` for digits below a nanosecond.
fn since_epoch(text: &str) -> Option<SignedDuration> {
    rfc3339::instant(text).filter(|(_, exact)| *exact).map(|(since, _)| since)
}

option_module!(Instant);
