//! The partitions of a topic: the messages of a key are in one partition, in order.
//!
//! The log keeps all messages in one order. A partition is a part of it with offsets of its own, so that groups
//! work as without partitions.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::{PartitionRange, Position};

/// The numbers of the messages of each partition, by offset. Numbers stay after retention has removed the
/// messages, 8 bytes each: the store is for tests.
pub(super) struct Partitions(Vec<Vec<u64>>);

impl Partitions {
    pub(super) fn new(count: u32) -> Self {
        Self((0..count).map(|_| Vec::new()).collect())
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// Adds a message. Messages without a key are spread over the partitions.
    pub(super) fn push(&mut self, key: Option<&[u8]>, seq: u64) -> Position {
        let mut hasher = DefaultHasher::new();
        match key {
            Some(key) => key.hash(&mut hasher),
            None => seq.hash(&mut hasher),
        }
        let partition = u32::try_from(hasher.finish() % u64::from(self.count())).unwrap_or_default();
        let Some(seqs) = self.0.get_mut(partition as usize) else {
            // There is at least one partition.
            return Position::Record { partition, offset: 0 };
        };
        seqs.push(seq);
        Position::Record { partition, offset: seqs.len() as u64 - 1 }
    }

    pub(super) fn seq_of(&self, position: Position) -> Option<u64> {
        let Position::Record { partition, offset } = position else { return None };
        self.0.get(partition as usize)?.get(usize::try_from(offset).ok()?).copied()
    }

    /// The partitions with their numbers from `first` on.
    pub(super) fn iter(&self, first: u64) -> impl Iterator<Item = (PartitionRange, &[u64])> {
        (0..).zip(&self.0).map(move |(partition, seqs)| {
            let removed = seqs.partition_point(|seq| *seq < first);
            let at = |offset: usize| Position::Record { partition, offset: offset as u64 };
            let range = PartitionRange::new(at(removed), at(seqs.len()));
            (range, seqs.get(removed..).unwrap_or_default())
        })
    }
}
