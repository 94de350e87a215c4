//! The messages of a partition, and the claims on them.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use events_transport::{Later as _, Message, Position};

use crate::retry_topics::headers::Retried;

/// A fetched message.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// The message, as it is delivered.
    pub(crate) message: Message,
    /// When it was stored.
    pub(crate) time: SystemTime,
    /// Of a message in a retry topic: where it comes from, and when it is due.
    pub(crate) retried: Option<Retried>,
    /// An estimate of the memory that it uses, in bytes.
    size: usize,
}

/// A message that a `receive` has taken.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) offset: u64,
    pub(crate) attempt: u32,
    pub(crate) record: Record,
}

/// The same instant on the clock that only rises and on the one that other processes share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) millis: u64,
}

/// A claim to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    /// The number of the claim, which is the token of its receipts.
    pub(crate) claim: u64,
    pub(crate) length: Duration,
}

/// The claim no longer holds the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaseLost;

/// How a delivery is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requeue {
    /// The attempt counts; due after this time.
    Counted(Duration),
    /// As if it had not been delivered; due after this time.
    Uncounted(Duration),
}

/// How much is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Held {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// A time in milliseconds since 1970; 0 before that.
pub(crate) fn millis_since_1970(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Now {
    /// The time.
    pub(crate) fn new() -> Self {
        Self { instant: Instant::now(), millis: millis_since_1970(SystemTime::now()) }
    }

    /// The time after a delay, in milliseconds since 1970.
    pub(crate) fn later(self, after: Duration) -> u64 {
        self.millis.saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX))
    }

    /// The instant of a time in milliseconds since 1970; now if that has passed.
    pub(super) fn at(self, millis: u64) -> Instant {
        self.instant.later(Duration::from_millis(millis.saturating_sub(self.millis)))
    }
}

impl Record {
    /// The key by which the messages of the partition have an order, which those of a retry topic have not.
    pub(super) fn key(&self) -> Option<&Bytes> {
        self.message.key.as_ref().filter(|_| self.retried.is_none())
    }

    /// The attempts before it was stored.
    pub(super) fn attempts(&self) -> u32 {
        self.retried.map_or(0, |retried| retried.attempts)
    }

    /// When it is due, in milliseconds since 1970; 0 for at once.
    pub(super) fn due(&self) -> u64 {
        self.retried.map_or(0, |retried| retried.due)
    }

    /// The position of the message in its topic, if it is at this one now.
    pub(crate) fn position(&self, partition: u32, offset: u64) -> Position {
        self.retried.map_or(Position::Record { partition, offset }, |retried| retried.position)
    }

    /// When the message was stored in its topic.
    pub(crate) fn stored(&self) -> SystemTime {
        self.retried.map_or(self.time, |retried| retried.stored)
    }

    pub(crate) fn new(message: Message, time: SystemTime, retried: Option<Retried>) -> Self {
        let size = size_of::<Self>() + message.headers.len() * 64 + message.size();
        Self { message, time, retried, size }
    }
}

impl Held {
    pub(super) fn add(&mut self, record: &Record) {
        self.messages += 1;
        self.bytes += record.size;
    }

    pub(super) fn remove(&mut self, record: &Record) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(record.size);
    }
}
