//! What `doctor` and the listings show of a store.

use super::{ConsumerGroup, Position, Topic};

/// A store that was found sound.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Health {
    /// What was found, as name and value for a reader: file, size, versions, durability.
    pub facts: Vec<(&'static str, String)>,
    /// The facts, by name, that an operator should not be content with: the store can lose what was
    /// acknowledged.
    pub warnings: Vec<&'static str>,
}

impl Health {
    /// The result of a check; for transports.
    #[must_use]
    pub const fn new(facts: Vec<(&'static str, String)>, warnings: Vec<&'static str>) -> Self {
        Self { facts, warnings }
    }
}

/// A topic at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicStatus {
    /// The topic.
    pub topic: Topic,
    /// How many messages it holds.
    pub messages: u64,
    /// The earliest message.
    pub first: Option<Position>,
    /// The latest message.
    pub last: Option<Position>,
}

impl TopicStatus {
    /// A topic's status; for transports.
    pub const fn new(topic: Topic, messages: u64, first: Option<Position>, last: Option<Position>) -> Self {
        Self { topic, messages, first, last }
    }
}

/// A group's progress at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupStatus {
    /// The group.
    pub group: ConsumerGroup,
    /// Messages that the group has not settled, those in flight included.
    pub lag: u64,
    /// Of these, how many a member holds.
    pub in_flight: u64,
    /// Of these, how many wait for a retry or behind an earlier message of their key.
    pub waiting: u64,
    /// The earliest message that the group has not settled. `None` where there is none, or, with a
    /// lag, where the transport can't say.
    pub next: Option<Position>,
    /// The lag of each partition, where the transport has any.
    pub partitions: Vec<PartitionLag>,
}

/// What a group has not settled of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionLag {
    /// The partition.
    pub partition: u32,
    /// Messages of it that the group has not settled.
    pub lag: u64,
}

impl PartitionLag {
    /// A partition's lag; for transports.
    #[must_use]
    pub const fn new(partition: u32, lag: u64) -> Self {
        Self { partition, lag }
    }
}

impl GroupStatus {
    /// A group's status without [`next`](Self::next); for transports.
    pub const fn new(group: ConsumerGroup, lag: u64, in_flight: u64, waiting: u64) -> Self {
        Self { group, lag, in_flight, waiting, next: None, partitions: Vec::new() }
    }

    /// The same with the earliest message that the group has not settled; for transports.
    #[must_use]
    pub const fn next(mut self, next: Option<Position>) -> Self {
        self.next = next;
        self
    }

    /// The same with the lag of each partition; for transports that have any.
    #[must_use]
    pub fn with_partitions(mut self, partitions: Vec<PartitionLag>) -> Self {
        self.partitions = partitions;
        self
    }
}

/// What a trim removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Trimmed {
    /// Messages removed.
    pub removed: u64,
    /// Of these, how many some group had not settled; 0 unless
    /// [`drop_unsettled`](super::Retention::drop_unsettled) is set.
    pub unsettled: u64,
    /// Of these, how many stood in a topic without any group: nobody had read them.
    pub unread: u64,
}

impl Trimmed {
    /// The count of a trim; for transports.
    #[must_use]
    pub const fn new(removed: u64, unsettled: u64) -> Self {
        Self { removed, unsettled, unread: 0 }
    }

    /// The same with the number of messages that nobody had read; for transports.
    #[must_use]
    pub const fn with_unread(mut self, unread: u64) -> Self {
        self.unread = unread;
        self
    }

    /// Adds what another trim removed.
    pub const fn add(&mut self, more: Self) {
        self.removed += more.removed;
        self.unsettled += more.unsettled;
        self.unread += more.unread;
    }

    /// Tells the log and the counters what went without having been dealt with.
    pub fn tell(self, topic: &Topic, letters: bool) {
        let Self { unsettled, unread, .. } = self;
        let label = || topic.to_string();
        if unsettled > 0 {
            metrics::counter!("events_trimmed_unsettled_total", "topic" => label()).increment(unsettled);
            tracing::warn!(%topic, unsettled, "retention dropped messages that a group had not settled");
        }
        if unread > 0 {
            metrics::counter!("events_trimmed_unread_total", "topic" => label()).increment(unread);
            if letters {
                tracing::warn!(%topic, unread, "retention dropped dead letters that nobody had looked at");
            } else {
                tracing::info!(%topic, unread, "retention dropped messages of a topic that has no group");
            }
        }
    }
}
