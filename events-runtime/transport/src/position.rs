//! Positions of messages in a topic.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The position of a message in its topic. Log lines show the text form, and command lines accept it.
///
/// Positions of two partitions do not compare, and neither do positions of two transports: `partial_cmp` is
/// `None`, and `<` and `>` are false. [`sort_key`](Self::sort_key) orders by partition first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Position {
    /// A number counted up per topic from 1 (`memory:`, `sqlite:`): `42`.
    Sequence(u64),
    /// A Redis stream's entry: `1526919030474-55`.
    Entry {
        /// Milliseconds since the Unix epoch.
        millis: u64,
        /// The count within that millisecond.
        sequence: u64,
    },
    /// A Kafka record: `3:42`.
    Record {
        /// The partition.
        partition: u32,
        /// The offset within it.
        offset: u64,
    },
}

impl Position {
    /// The partition; `None` if the transport has no partitions.
    #[must_use]
    pub const fn partition(self) -> Option<u32> {
        match self {
            Self::Sequence(_) | Self::Entry { .. } => None,
            Self::Record { partition, .. } => Some(partition),
        }
    }

    /// A key that sorts the positions of one transport: by partition, then by the order within it.
    #[must_use]
    pub const fn sort_key(self) -> (u32, u64, u64) {
        match self {
            Self::Sequence(sequence) => (0, sequence, 0),
            Self::Entry { millis, sequence } => (0, millis, sequence),
            Self::Record { partition, offset } => (partition, offset, 0),
        }
    }

    /// The position directly after this message: a group at it has settled the message, and receives the
    /// next one.
    #[must_use]
    pub const fn after(self) -> Self {
        match self {
            Self::Sequence(sequence) => Self::Sequence(sequence.saturating_add(1)),
            Self::Entry { millis, sequence: u64::MAX } => {
                Self::Entry { millis: millis.saturating_add(1), sequence: 0 }
            }
            Self::Entry { millis, sequence } => Self::Entry { millis, sequence: sequence + 1 },
            Self::Record { partition, offset } => {
                Self::Record { partition, offset: offset.saturating_add(1) }
            }
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence(sequence) => write!(f, "{sequence}"),
            Self::Entry { millis, sequence } => write!(f, "{millis}-{sequence}"),
            Self::Record { partition, offset } => write!(f, "{partition}:{offset}"),
        }
    }
}

impl PartialOrd for Position {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let comparable = std::mem::discriminant(self) == std::mem::discriminant(other)
            && self.partition() == other.partition();
        comparable.then(|| self.sort_key().cmp(&other.sort_key()))
    }
}

/// The text is not a [`Position`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a position: write `42` (memory, sqlite), `1526919030474-55` (redis) or `3:42` (kafka)")]
pub struct PositionError(String);

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let number = |text: &str| text.parse::<u64>().ok();
        let parsed = if let Some((millis, sequence)) = text.split_once('-') {
            number(millis).zip(number(sequence)).map(|(millis, sequence)| Self::Entry { millis, sequence })
        } else if let Some((partition, offset)) = text.split_once(':') {
            partition
                .parse()
                .ok()
                .zip(number(offset))
                .map(|(partition, offset)| Self::Record { partition, offset })
        } else {
            number(text).map(Self::Sequence)
        };
        parsed.ok_or_else(|| PositionError(text.to_owned()))
    }
}

/// One position for each partition of a topic; a topic without partitions has one position.
///
/// The text form lists the positions with commas: `0:42,1:17`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Positions(Vec<Position>);

impl Positions {
    /// Collects positions, in any order. `None` if there are none, if a partition has two, or if they are of
    /// several transports.
    #[must_use]
    pub fn new(positions: impl IntoIterator<Item = Position>) -> Option<Self> {
        let mut positions: Vec<_> = positions.into_iter().collect();
        positions.sort_by_key(|position| position.sort_key());
        let ascends = |pair: &[Position]| match pair {
            [one, other] => one.partition().is_some() && one.partition() < other.partition(),
            _ => true,
        };
        (!positions.is_empty() && positions.windows(2).all(ascends)).then_some(Self(positions))
    }

    /// The positions, sorted by partition.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Position> + '_ {
        self.0.iter().copied()
    }

    /// The position, if there is only one.
    #[must_use]
    pub fn single(&self) -> Option<Position> {
        if let [position] = *self.0 { Some(position) } else { None }
    }

    /// The position in a partition; `None` is the partition of a topic without partitions.
    #[must_use]
    pub fn of(&self, partition: Option<u32>) -> Option<Position> {
        self.iter().find(|position| position.partition() == partition)
    }
}

impl From<Position> for Positions {
    fn from(position: Position) -> Self {
        Self(vec![position])
    }
}

impl PartialEq<Position> for Positions {
    fn eq(&self, other: &Position) -> bool {
        *self.0 == [*other]
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, position) in self.iter().enumerate() {
            write!(f, "{}{position}", if index > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl FromStr for Positions {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let positions: Vec<Position> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
        Self::new(positions).ok_or_else(|| PositionError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_from_its_own_text() {
        for position in [
            Position::Sequence(42),
            Position::Entry { millis: 1_526_919_030_474, sequence: 55 },
            Position::Record { partition: 3, offset: 42 },
        ] {
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        for wrong in ["", "x", "1-", "-1", "1:x", "1.5"] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn positions_of_two_partitions_do_not_compare() {
        let at = |partition, offset| Position::Record { partition, offset };
        assert!(at(0, 1) < at(0, 2));
        assert_eq!(at(0, 1).partial_cmp(&at(1, 1)), None);
        assert_eq!(at(1, 2).partial_cmp(&at(0, 1)), None);
        assert_eq!(Position::Sequence(1).partial_cmp(&at(0, 2)), None);
        assert!(at(0, 9).sort_key() < at(1, 0).sort_key());
    }

    #[test]
    fn positions_hold_one_for_each_partition() {
        let positions: Positions = "1:17,0:42".parse().unwrap();
        assert_eq!(positions.to_string(), "0:42,1:17");
        assert_eq!(positions.of(Some(1)), Some(Position::Record { partition: 1, offset: 17 }));
        assert_eq!("42".parse(), Ok(Positions::from(Position::Sequence(42))));
        for wrong in ["", "0:1,0:2", "1,2", "0:1,", "0:1,1-2"] {
            assert!(wrong.parse::<Positions>().is_err(), "{wrong}");
        }
    }
}
