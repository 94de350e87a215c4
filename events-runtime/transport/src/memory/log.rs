//! The log of a topic.

use std::collections::VecDeque;
use std::time::SystemTime;

use crate::{Message, Position, StartPosition};

/// The messages of a topic, numbered consecutively from `removed + 1`.
#[derive(Default)]
pub(super) struct Log {
    pub(super) removed: u64,
    pub(super) messages: VecDeque<Stored>,
}

pub(super) struct Stored {
    pub(super) message: Message,
    pub(super) time: SystemTime,
}

impl Log {
    pub(super) fn get(&self, seq: u64) -> Option<&Stored> {
        let index = seq.checked_sub(self.removed + 1)?;
        self.messages.get(usize::try_from(index).ok()?)
    }

    pub(super) fn last(&self) -> u64 {
        self.removed + self.messages.len() as u64
    }

    pub(super) fn push(&mut self, message: Message, time: SystemTime) {
        self.messages.push_back(Stored { message, time });
    }

    /// The cursor of a group with this start position; `None` if it is not a number.
    pub(super) fn cursor(&self, start: StartPosition) -> Option<u64> {
        match start {
            StartPosition::Earliest => Some(self.removed),
            StartPosition::Latest => Some(self.last()),
            StartPosition::Time(time) => {
                let earlier = self.messages.iter().take_while(|stored| stored.time < time);
                Some(self.removed + earlier.count() as u64)
            }
            StartPosition::At(Position::Sequence(seq)) => {
                Some(seq.saturating_sub(1).clamp(self.removed, self.last()))
            }
            StartPosition::At(_) => None,
        }
    }
}
