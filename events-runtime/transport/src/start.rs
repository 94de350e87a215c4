//! Start positions of groups, and their text form.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::civil::DateTime;

use super::{Position, Positions};
use events_support::rfc3339::{civil, instant};

/// The position at which a new group starts, or to which an existing one is moved.
///
/// Configuration and command line use the same text form:
///
/// | text | meaning |
/// |---|---|
/// | `earliest`, `latest` | the first stored message; after the last one |
/// | `2026-01-31T12:00:00Z` | a time of RFC 3339, compared with the time at which the transport stored a message |
/// | `42`, `1526919030474-55`, `3:42` | a [`Position`], the transport's own id of a message |
/// | `0:42,1:17` | a position in each of several partitions |
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StartPosition {
    /// At the first stored message. The default, so that no message sent before the consumer's first start is
    /// missed.
    #[default]
    Earliest,
    /// After the last stored message.
    Latest,
    /// At the first message stored at this time or later.
    Time(SystemTime),
    /// At this message, or at the next one if retention removed it. If the topic has partitions, this is
    /// [`Partitions`](Self::Partitions) with one position.
    At(Position),
    /// At these messages, one in each of several partitions. A new group starts at the earliest message of any
    /// other partition; an existing group that is moved keeps its position there.
    Partitions(Positions),
}

impl From<Position> for StartPosition {
    fn from(position: Position) -> Self {
        Self::At(position)
    }
}

impl From<Positions> for StartPosition {
    fn from(positions: Positions) -> Self {
        match positions.single() {
            Some(position) => Self::At(position),
            None => Self::Partitions(positions),
        }
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
            Self::Partitions(positions) => write!(f, "{positions}"),
        }
    }
}

/// The text is not a [`StartPosition`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a start position: write `earliest`, `latest`, a time with its offset such as `2026-01-31T12:00:00Z`, or a position such as `42`"
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
        if let Ok(positions) = text.parse::<Positions>() {
            return Ok(positions.into());
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
            StartPosition::Partitions("0:42,3:17".parse().unwrap()),
        ] {
            assert_eq!(start.to_string().parse().as_ref(), Ok(&start), "{start}");
        }
    }

    #[test]
    fn a_time_names_an_instant_whatever_its_offset() {
        let utc: StartPosition = "2026-01-31T12:00:00Z".parse().unwrap();
        assert_eq!("2026-01-31T14:00:00+02:00".parse().as_ref(), Ok(&utc));
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
