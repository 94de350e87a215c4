//! The log of a topic.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::partitions::Partitions;
use crate::{Message, Position, Positions, StartPosition};

/// The messages of a topic, numbered consecutively from `removed + 1`.
pub(super) struct Log {
    pub(super) removed: u64,
    pub(super) messages: VecDeque<Stored>,
    /// If the store has partitions.
    pub(super) partitions: Option<Partitions>,
}

pub(super) struct Stored {
    pub(super) message: Message,
    pub(super) time: SystemTime,
    pub(super) position: Position,
}

/// Where a group starts.
pub(super) struct Start {
    /// All messages up to this one are settled, except `unsettled`.
    pub(super) cursor: u64,
    /// In ascending order.
    pub(super) unsettled: Vec<u64>,
}

impl Log {
    pub(super) fn new(partitions: Option<u32>) -> Self {
        Self { removed: 0, messages: VecDeque::new(), partitions: partitions.map(Partitions::new) }
    }

    pub(super) fn get(&self, seq: u64) -> Option<&Stored> {
        let index = seq.checked_sub(self.removed + 1)?;
        self.messages.get(usize::try_from(index).ok()?)
    }

    pub(super) fn last(&self) -> u64 {
        self.removed + self.messages.len() as u64
    }

    pub(super) fn push(&mut self, message: Message, time: SystemTime) -> Position {
        let seq = self.last() + 1;
        let position = match &mut self.partitions {
            Some(partitions) => partitions.push(message.key.as_deref(), seq),
            None => Position::Sequence(seq),
        };
        self.messages.push_back(Stored { message, time, position });
        position
    }

    /// The number of the message at a position, which may be removed.
    pub(super) fn seq_of(&self, position: Position) -> Option<u64> {
        match (position, &self.partitions) {
            (Position::Sequence(seq), None) => Some(seq),
            (Position::Record { .. }, Some(partitions)) => partitions.seq_of(position),
            _ => None,
        }
    }

    /// Where a group with this start position begins; `None` if the position is one of another transport or
    /// of an absent partition. In partitions that `start` does not name, it begins at the messages that
    /// `is_unsettled` says.
    pub(super) fn start(&self, start: &StartPosition, is_unsettled: impl Fn(u64) -> bool) -> Option<Start> {
        let at = |cursor| Start { cursor, unsettled: Vec::new() };
        match start {
            StartPosition::Earliest => Some(at(self.removed)),
            StartPosition::Latest => Some(at(self.last())),
            StartPosition::Time(time) => {
                let earlier = self.messages.iter().take_while(|stored| stored.time < *time);
                Some(at(self.removed + earlier.count() as u64))
            }
            StartPosition::At(Position::Sequence(seq)) if self.partitions.is_none() => {
                Some(at(seq.saturating_sub(1).clamp(self.removed, self.last())))
            }
            StartPosition::At(position) => self.start_in_partitions(&(*position).into(), is_unsettled),
            StartPosition::Partitions(positions) => self.start_in_partitions(positions, is_unsettled),
        }
    }

    fn start_in_partitions(
        &self,
        positions: &Positions,
        is_unsettled: impl Fn(u64) -> bool,
    ) -> Option<Start> {
        let count = self.partitions.as_ref()?.count();
        if positions.iter().any(|position| position.partition().is_none_or(|partition| partition >= count)) {
            return None;
        }
        let is_left = |(seq, stored): &(u64, &Stored)| match positions.of(stored.position.partition()) {
            Some(start) => stored.position >= start,
            None => is_unsettled(*seq),
        };
        let unsettled = (self.removed + 1..).zip(&self.messages).filter(is_left).map(|(seq, _)| seq);
        Some(Start { cursor: self.last(), unsettled: unsettled.collect() })
    }
}
