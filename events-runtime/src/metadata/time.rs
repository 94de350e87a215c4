//! The text form of times.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::fmt::StdFmtWrite;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::Offset;

use super::MetadataError;
use super::error::shown;

/// The present time in whole microseconds, which is what the text form holds.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, micros) = (i64::try_from(since.as_secs()), i32::try_from(since.subsec_micros()));
    match (seconds, micros) {
        (Ok(seconds), Ok(micros)) => Timestamp::new(seconds, micros * 1000).unwrap_or(Timestamp::MAX),
        _ => Timestamp::MAX,
    }
}

/// The time without what the text form of own events can't hold: the part below a microsecond.
pub(crate) fn whole_micros(time: Timestamp) -> Timestamp {
    if time.subsec_nanosecond() % 1000 == 0 {
        return time;
    }
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

/// Writes a time as `2023-01-02T03:04:05.678901+00:00`: in UTC, with six fraction digits, or
/// none for a whole second, as Python's `isoformat()` does. A time of others that is finer than
/// a microsecond gets nine.
#[derive(Debug, Clone, Copy)]
pub struct TimeText(Timestamp);

impl TimeText {
    /// The text form of `time`.
    pub fn new(time: Timestamp) -> Self {
        Self(time)
    }
}

impl fmt::Display for TimeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.0.subsec_nanosecond() {
            0 => 0,
            nanos if nanos % 1000 == 0 => 6,
            _ => 9,
        };
        DateTimePrinter::new()
            .precision(Some(digits))
            .print_timestamp_with_offset(&self.0, Offset::UTC, StdFmtWrite(f))
            .map_err(|_| fmt::Error)
    }
}

/// Reads a time: RFC 3339 with any offset; one without an offset is no instant.
pub(super) fn parse(text: &str) -> Result<Timestamp, MetadataError> {
    text.parse().map_err(|source| MetadataError::Time { found: shown(text), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back_in_the_form_they_were_written() {
        for text in [
            "2023-01-02T03:04:05.678901+00:00",
            "2023-01-02T03:04:05+00:00",
            "2023-01-02T03:04:05.000001+00:00",
            "2023-01-02T03:04:05.600000+00:00",
            "1969-12-31T23:59:59.999999+00:00",
            "2023-01-02T03:04:05.678901234+00:00",
        ] {
            let time = parse(text).expect(text);
            assert_eq!(TimeText::new(time).to_string(), text);
        }
    }

    #[test]
    fn z_and_other_offsets_are_the_same_instant() {
        let utc = parse("2023-01-02T03:04:05+00:00").expect("UTC");
        assert_eq!(parse("2023-01-02T03:04:05Z").expect("Z"), utc);
        assert_eq!(parse("2023-01-02T05:04:05+02:00").expect("+2"), utc);
    }

    #[test]
    fn naive_time_is_refused_by_field() {
        for text in ["2023-01-02T03:04:05", "yesterday", "", "1672628645"] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().contains("`time`"), "{error}");
        }
    }

    #[test]
    fn own_times_are_whole_microseconds() {
        assert_eq!(now().subsec_nanosecond() % 1000, 0);
        let fine: Timestamp = "2023-01-02T03:04:05.678901999Z".parse().expect("a time");
        assert_eq!(whole_micros(fine), "2023-01-02T03:04:05.678901Z".parse().expect("a time"));
    }
}
