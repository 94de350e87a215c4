//! A position in a topic, as a user writes it.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use uuid::Uuid;

use events_transport::{Position, Positions, StartPosition};

/// A position in a topic, as a user writes it: the target of a reset, or the start or end of a replay.
///
/// Written like a [`StartPosition`], or as an event's id, a UUID. A position is the transport's own id of a
/// message and is found at once. An event's id is found by reading the topic, and means the first message
/// with that id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SeekTarget {
    /// Anything that a group can start at.
    Start(StartPosition),
    /// The event with this id.
    Event(Uuid),
}

impl SeekTarget {
    /// Whether this is after another target in every topic. A target beyond the end of a topic counts as
    /// its end.
    pub(in crate::bus) fn is_after(&self, other: &Self) -> bool {
        use StartPosition::{At, Earliest, Latest, Partitions, Time};

        let (Self::Start(one), Self::Start(other)) = (self, other) else { return false };
        match (one, other) {
            (Latest, Earliest) => true,
            (Time(one), Time(other)) => one > other,
            (At(one), At(other)) => one > other,
            (Partitions(one), Partitions(other)) => {
                one.iter().any(|one| other.of(one.partition()).is_some_and(|other| one > other))
            }
            _ => false,
        }
    }
}

impl From<StartPosition> for SeekTarget {
    fn from(start: StartPosition) -> Self {
        Self::Start(start)
    }
}

impl From<Position> for SeekTarget {
    fn from(position: Position) -> Self {
        Self::Start(position.into())
    }
}

impl From<Positions> for SeekTarget {
    fn from(positions: Positions) -> Self {
        Self::Start(positions.into())
    }
}

impl From<SystemTime> for SeekTarget {
    fn from(time: SystemTime) -> Self {
        Self::Start(time.into())
    }
}

impl From<Uuid> for SeekTarget {
    fn from(id: Uuid) -> Self {
        Self::Event(id)
    }
}

impl fmt::Display for SeekTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(start) => write!(f, "{start}"),
            Self::Event(id) => write!(f, "{id}"),
        }
    }
}

/// The text is not a [`SeekTarget`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a position in a topic: use `earliest`, `latest`, a time with its offset such as `2026-01-31T12:00:00Z`, a position such as `42`, or an event's id"
)]
pub struct SeekTargetError(String);

impl FromStr for SeekTarget {
    type Err = SeekTargetError;

    fn from_str(text: &str) -> Result<Self, SeekTargetError> {
        // Only the hyphenated form: 32 digits may be a position.
        if text.len() == 36
            && let Ok(id) = Uuid::try_parse(text)
        {
            return Ok(Self::Event(id));
        }
        text.parse().map(Self::Start).map_err(|_| SeekTargetError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_parses_from_its_display() {
        let id: Uuid = "0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11".parse().unwrap();
        for target in [
            SeekTarget::Event(id),
            SeekTarget::from(StartPosition::Latest),
            SeekTarget::from(Position::Sequence(42)),
            SeekTarget::from("0:42,1:17".parse::<Positions>().unwrap()),
            SeekTarget::from(SystemTime::UNIX_EPOCH),
        ] {
            assert_eq!(target.to_string().parse().as_ref(), Ok(&target));
        }
        let error = "0190a6d2-5d2e".parse::<SeekTarget>().unwrap_err();
        assert!(error.to_string().contains("an event's id"), "{error}");
    }
}
