//! RFC 3339 times up to the end of the year 9999.
//!
//! `jiff::Timestamp` ends at 9999-12-30T22:00:00.999999999Z, so that no offset exceeds its calendar. Other
//! programs write later times (Python's `datetime.max`), and more digits than the nine of nanoseconds.

use std::borrow::Cow;

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use jiff::fmt::temporal::Pieces;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// The start of 1970.
pub const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// Parses a time with an offset as a duration since 1970. The flag is false if digits below a nanosecond were
/// cut off.
pub fn instant(text: &str) -> Option<(SignedDuration, bool)> {
    let (text, exact) = nine_digits(text);
    let pieces = Pieces::parse(&*text).ok()?;
    let local = pieces.date().to_datetime(pieces.time()?);
    let ahead = SignedDuration::from_secs(i64::from(pieces.to_numeric_offset()?.seconds()));
    Some((local.duration_since(EPOCH).checked_sub(ahead)?, exact))
}

/// Cuts a time to nine fraction digits of a second. The flag is false if another digit was cut off than zero.
pub fn nine_digits(text: &str) -> (Cow<'_, str>, bool) {
    const DIGITS: usize = 9;
    let Some((whole, behind)) = text.split_once(['.', ',']) else { return (text.into(), true) };
    let end = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
    let (digits, rest) = behind.split_at(end);
    match digits.split_at_checked(DIGITS) {
        Some((kept, cut)) if !cut.is_empty() => {
            (format!("{whole}.{kept}{rest}").into(), cut.bytes().all(|digit| digit == b'0'))
        }
        _ => (text.into(), true),
    }
}

/// The date and time in UTC of nanoseconds since 1970; `None` beyond the years of four digits.
pub fn civil(nanos: i128) -> Option<DateTime> {
    let second = i128::from(NANOS_PER_SECOND);
    let seconds = i64::try_from(nanos.div_euclid(second)).ok()?;
    let below = i32::try_from(nanos.rem_euclid(second)).ok()?;
    EPOCH.checked_add(SignedDuration::new(seconds, below)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reaches_to_the_end_of_the_year_9999_and_has_any_number_of_digits() {
        let end = i128::from(253_402_300_799_i64) * i128::from(NANOS_PER_SECOND);
        for (text, nanos, exact) in [
            ("9999-12-31T23:59:59Z", end, true),
            ("9999-12-31T23:59:59.999999+00:00", end + 999_999_000, true),
            ("9999-12-31t23:59:59.999999999999z", end + 999_999_999, false),
            ("9999-12-31T23:59:59-12:00", end + 43_200 * i128::from(NANOS_PER_SECOND), true),
            ("1970-01-01 00:00:00.1234567890000Z", 123_456_789, true),
            ("1970-01-01T00:00:00.1234567891Z", 123_456_789, false),
            ("1970-01-01T00:00:00,5+00:00", 500_000_000, true),
            ("1969-12-31T23:59:59.9999999999Z", -1, false),
        ] {
            let (since, all) = instant(text).expect(text);
            assert_eq!((since.as_nanos(), all), (nanos, exact), "{text}");
        }
        for none in
            ["9999-12-31T23:59:59", "10000-01-01T00:00:00Z", "9999-12-31", "", "1970-01-01T00:00:00.Z"]
        {
            assert!(instant(none).is_none(), "{none}");
        }
    }

    #[test]
    fn the_civil_time_is_there_for_all_years_of_four_digits() {
        for text in
            ["9999-12-31T23:59:59.999999999", "-009999-01-01T00:00:00", "0000-01-01T00:00:00.000000001"]
        {
            let local: DateTime = text.parse().expect(text);
            let utc = civil(local.duration_since(EPOCH).as_nanos()).expect(text);
            assert_eq!((utc, utc.to_string().as_str()), (local, text));
        }
        assert_eq!(civil(i128::MAX), None);
        assert_eq!(civil(DateTime::MAX.duration_since(EPOCH).as_nanos() + 1), None);
    }
}
