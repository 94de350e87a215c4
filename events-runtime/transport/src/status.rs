//! The state of a store, for `doctor` and listings.

use super::{ConsumerGroup, Position, Positions, Topic};

/// The result of a successful check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Health {
    /// Names and values for people: file, size, versions, durability.
    pub facts: Vec<(&'static str, String)>,
    /// The names of the facts that an operator should change: the store can lose acknowledged messages.
    pub warnings: Vec<&'static str>,
}

impl Health {
    /// Creates the result of a check; for transports.
    #[must_use]
    pub const fn new(facts: Vec<(&'static str, String)>, warnings: Vec<&'static str>) -> Self {
        Self { facts, warnings }
    }
}

/// The messages of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicStatus {
    /// The topic.
    pub topic: Topic,
    /// The number of messages in it.
    pub messages: u64,
    /// The earliest message. `None` with messages if the topic has several partitions.
    pub first: Option<Position>,
    /// The latest message. `None` with messages if the topic has several partitions.
    pub last: Option<Position>,
    /// The messages of each partition, sorted by partition; empty if the transport has no partitions.
    pub partitions: Vec<PartitionRange>,
}

/// The messages of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionRange {
    /// The position of the first stored message, or that of the next message if there is none.
    pub first: Position,
    /// The position of the next message.
    pub end: Position,
}

impl PartitionRange {
    /// Creates the range of a partition; for transports.
    #[must_use]
    pub const fn new(first: Position, end: Position) -> Self {
        Self { first, end }
    }
}

impl TopicStatus {
    /// Creates the status of a topic; for transports.
    pub const fn new(topic: Topic, messages: u64, first: Option<Position>, last: Option<Position>) -> Self {
        Self { topic, messages, first, last, partitions: Vec::new() }
    }

    /// Adds the messages of each partition; for transports with partitions.
    #[must_use]
    pub fn with_partitions(mut self, partitions: Vec<PartitionRange>) -> Self {
        self.partitions = partitions;
        self
    }
}

/// The progress of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupStatus {
    /// The group.
    pub group: ConsumerGroup,
    /// The number of messages that the group has not settled, including those in flight.
    pub lag: u64,
    /// The number of these that members hold.
    pub in_flight: u64,
    /// The number of these that wait for a retry or for an earlier message of their key.
    pub waiting: u64,
    /// The earliest message that the group has not settled. `None` if there is none or, with a lag, if the
    /// transport does not report it or has several partitions.
    pub next: Option<Position>,
    /// The progress in each partition, sorted by partition; empty if the transport has no partitions.
    pub partitions: Vec<PartitionStatus>,
}

/// The progress of a group in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionStatus {
    /// The partition.
    pub partition: u32,
    /// The number of its messages that the group has not settled.
    pub lag: u64,
    /// The number of these that members hold; `None` if the transport does not report it.
    pub in_flight: Option<u64>,
    /// The earliest message that the group has not settled, or the position of the next message if there is
    /// none. `None` if the transport does not report it.
    pub next: Option<Position>,
}

impl PartitionStatus {
    /// Creates the progress in a partition; for transports.
    #[must_use]
    pub const fn new(partition: u32, lag: u64) -> Self {
        Self { partition, lag, in_flight: None, next: None }
    }

    /// Adds the number of messages in flight; for transports.
    #[must_use]
    pub const fn in_flight(mut self, in_flight: u64) -> Self {
        self.in_flight = Some(in_flight);
        self
    }

    /// Adds the [`next`](Self::next) position; for transports.
    #[must_use]
    pub const fn next(mut self, next: Position) -> Self {
        self.next = Some(next);
        self
    }
}

impl GroupStatus {
    /// Creates the status of a group without [`next`](Self::next); for transports.
    pub const fn new(group: ConsumerGroup, lag: u64, in_flight: u64, waiting: u64) -> Self {
        Self { group, lag, in_flight, waiting, next: None, partitions: Vec::new() }
    }

    /// The next position in each partition. `None` if there is none or if the transport does not report one
    /// of them.
    #[must_use]
    pub fn positions(&self) -> Option<Positions> {
        if self.partitions.is_empty() {
            return self.next.map(Positions::from);
        }
        let next: Option<Vec<_>> = self.partitions.iter().map(|partition| partition.next).collect();
        Positions::new(next?)
    }

    /// The lag in a partition; `None` for a topic without partitions.
    #[must_use]
    pub fn lag_in(&self, partition: Option<u32>) -> u64 {
        let Some(number) = partition else { return self.lag };
        self.partitions.iter().find(|partition| partition.partition == number).map_or(0, |found| found.lag)
    }

    /// Adds the earliest message that the group has not settled; for transports.
    #[must_use]
    pub const fn next(mut self, next: Option<Position>) -> Self {
        self.next = next;
        self
    }

    /// Adds the progress in each partition; for transports with partitions.
    #[must_use]
    pub fn with_partitions(mut self, partitions: Vec<PartitionStatus>) -> Self {
        self.partitions = partitions;
        self
    }
}

/// The messages that a trim removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Trimmed {
    /// The number of removed messages.
    pub removed: u64,
    /// The number of these that a group had not settled; 0 unless
    /// [`drop_unsettled`](super::Retention::drop_unsettled) is set.
    pub unsettled: u64,
    /// The number of these in topics without a group, which no consumer had read.
    pub unread: u64,
}

impl Trimmed {
    /// Creates the counts of a trim; for transports.
    #[must_use]
    pub const fn new(removed: u64, unsettled: u64) -> Self {
        Self { removed, unsettled, unread: 0 }
    }

    /// Sets the number of messages that no consumer had read; for transports.
    #[must_use]
    pub const fn with_unread(mut self, unread: u64) -> Self {
        self.unread = unread;
        self
    }

    /// Adds the counts of another trim.
    pub const fn add(&mut self, more: Self) {
        self.removed += more.removed;
        self.unsettled += more.unsettled;
        self.unread += more.unread;
    }

    /// Reports unsettled and unread messages in the log and the metrics.
    pub fn report(self, topic: &Topic, dead_letters: bool) {
        let Self { unsettled, unread, .. } = self;
        let label = || topic.to_string();
        if unsettled > 0 {
            metrics::counter!("events_trimmed_unsettled_total", "topic" => label()).increment(unsettled);
            tracing::warn!(%topic, unsettled, "retention dropped messages that a group had not settled");
        }
        if unread > 0 {
            metrics::counter!("events_trimmed_unread_total", "topic" => label()).increment(unread);
            if dead_letters {
                tracing::warn!(%topic, unread, "retention dropped unread dead letters");
            } else {
                tracing::info!(%topic, unread, "retention dropped messages of a topic without a group");
            }
        }
    }
}
