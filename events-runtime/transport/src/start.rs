//! Where a group begins, and how that is written.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::civil::DateTime;

use super::Position;
use events_support::rfc3339::{civil, instant};

/// Where a new group begins to read, or an existing one is moved to.
///
/// One text form is read and shown everywhere, in the configuration and on the command line:
///
/// | text | meaning |
/// |---|---|
/// | `earliest`, `latest` | the first message that is still there; after the last one |
/// | `2026-01-31T12:00:00Z` | a time of RFC 3339, compared with when the transport stored a message |
/// | `42`, `1526919030474-55`, `3:42` | a [`Position`], the transport's own id of a message |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StartPosition {
    /// At the first message that is still there. The default: nothing sent before the consumer's
    /// first start is missed.
    #[default]
    Earliest,
    /// After the last message that is there.
    Latest,
    /// At the first message stored at this time or later.
    Time(SystemTime),
    /// At this message, or the next where it is gone.
    At(Position),
}

impl From<Position> for StartPosition {
    fn from(position: Position) -> Self {
        Self::At(position)
    }
}

impl From<SystemTime> for StartPosition {
    fn from(time: SystemTime) -> Self {
        Self::Time(time)
    }
}

impl fmt::Display for StartPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Earliest => f.write_str("earliest"),
            Self::Latest => f.write_str("latest"),
            Self::Time(time) => {
                // What is beyond the years that RFC 3339 can write is shown as the last of them.
                let (nanos, beyond) = match time.duration_since(SystemTime::UNIX_EPOCH) {
                    Ok(after) => (i128::try_from(after.as_nanos()), DateTime::MAX),
                    Err(before) => {
                        (i128::try_from(before.duration().as_nanos()).map(|nanos| -nanos), DateTime::MIN)
                    }
                };
                write!(f, "{}Z", nanos.ok().and_then(civil).unwrap_or(beyond))
            }
            Self::At(position) => write!(f, "{position}"),
        }
    }
}

/// A text that is no [`StartPosition`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no place to start: write `earliest`, `latest`, a time with its offset such as `2026-01-31T12:00:00Z`, or a position such as `42`"
)]
pub struct StartPositionError(String);

impl FromStr for StartPosition {
    type Err = StartPositionError;

    fn from_str(text: &str) -> Result<Self, StartPositionError> {
        match text {
            "earliest" => return Ok(Self::Earliest),
            "latest" => return Ok(Self::Latest),
            _ => {}
        }
        if let Ok(position) = text.parse() {
            return Ok(Self::At(position));
        }
        let time = instant(text).and_then(|(since, _)| {
            let distance = since.unsigned_abs();
            if since.is_negative() {
                SystemTime::UNIX_EPOCH.checked_sub(distance)
            } else {
                SystemTime::UNIX_EPOCH.checked_add(distance)
            }
        });
        time.map(Self::Time).ok_or_else(|| StartPositionError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_start_position_is_read_from_its_own_text() {
        let time = SystemTime::UNIX_EPOCH + Duration::new(1_769_860_800, 123_456_789);
        for start in [
            StartPosition::Earliest,
            StartPosition::Latest,
            StartPosition::Time(time),
            StartPosition::At(Position::Sequence(42)),
            StartPosition::At(Position::Entry { millis: 1_526_919_030_474, sequence: 55 }),
            StartPosition::At(Position::Record { partition: 3, offset: 42 }),
        ] {
            assert_eq!(start.to_string().parse(), Ok(start), "{start}");
        }
    }

    #[test]
    fn a_time_names_an_instant_whatever_its_offset() {
        let utc: StartPosition = "2026-01-31T12:00:00Z".parse().unwrap();
        assert_eq!("2026-01-31T14:00:00+02:00".parse(), Ok(utc));
        assert_eq!(utc.to_string(), "2026-01-31T12:00:00Z");
    }

    #[test]
    fn a_time_reaches_to_the_end_of_the_year_9999() {
        for text in ["9999-12-31T23:59:59.999999Z", "9999-12-30T22:00:01Z", "1677-01-01T00:00:00.5Z"] {
            let start: StartPosition = text.parse().expect(text);
            assert_eq!(start.to_string(), text);
        }
    }

    #[test]
    fn another_text_is_an_error_that_says_what_to_write() {
        for wrong in ["", "Earliest", "first", "2026-01-31", "2026-01-31T12:00:00", "-1", "1.5"] {
            let error = wrong.parse::<StartPosition>().expect_err(wrong);
            assert!(error.to_string().contains("`earliest`, `latest`"), "{error}");
        }
    }
}
