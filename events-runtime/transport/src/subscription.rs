//! The settings of a consumer.

use std::time::Duration;

use super::{ConsumerGroup, ErrorKind, StartPosition, Topic, TransportError};

/// The topic, group and settings of a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscription {
    /// The full name of the topic.
    pub topic: Topic,
    /// The group.
    pub group: ConsumerGroup,
    /// Where a new group starts; an existing group continues.
    pub start: StartPosition,
    /// How long a consumer holds a delivery unless it renews the lease.
    pub lease: Duration,
    /// The member's name, for listings; if `None`, the transport generates one.
    pub member: Option<String>,
    /// The topic of rejected messages; if `None`, `<topic>.<group>.dlq`.
    pub dead_letter: Option<Topic>,
    /// Whether a message that waits for a retry stays in its topic, also on a transport that can move it to a topic
    /// of retries: for a group that ends with its work, and for dead letters.
    pub retries_in_place: bool,
    /// Whether the consumer stores [outputs](super::Delivery::add_outputs) with its acknowledgements. A transport
    /// then stores nothing else of a delivery that a repetition could store twice.
    pub transactions: bool,
}

impl Subscription {
    /// The default lease.
    pub const DEFAULT_LEASE: Duration = Duration::from_secs(30);

    /// Creates a subscription that starts at the earliest message, with a lease of 30 seconds.
    #[must_use]
    pub const fn new(topic: Topic, group: ConsumerGroup) -> Self {
        Self {
            topic,
            group,
            start: StartPosition::Earliest,
            lease: Self::DEFAULT_LEASE,
            member: None,
            dead_letter: None,
            retries_in_place: false,
            transactions: false,
        }
    }

    /// Sets the start position.
    #[must_use]
    pub fn start(mut self, start: StartPosition) -> Self {
        self.start = start;
        self
    }

    /// Sets the lease.
    #[must_use]
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets the member's name.
    #[must_use]
    pub fn member(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// Sets the dead-letter topic.
    #[must_use]
    pub fn dead_letter(mut self, topic: Topic) -> Self {
        self.dead_letter = Some(topic);
        self
    }

    /// Keeps messages that wait for a retry in their topic.
    #[must_use]
    pub const fn retries_in_place(mut self) -> Self {
        self.retries_in_place = true;
        self
    }

    /// Sets whether outputs are stored with acknowledgements.
    #[must_use]
    pub const fn transactions(mut self, transactions: bool) -> Self {
        self.transactions = transactions;
        self
    }

    /// The topic of rejected messages.
    ///
    /// # Errors
    /// A [`TransportError`] of kind [`Invalid`](ErrorKind::Invalid) if no topic is set and the default name
    /// is too long.
    pub fn dead_letter_topic(&self) -> Result<Topic, TransportError> {
        match &self.dead_letter {
            Some(topic) => Ok(topic.clone()),
            None => self.topic.dead_letter(&self.group).map_err(|source| {
                TransportError::new(
                    ErrorKind::Invalid,
                    "subscribe to",
                    &self.topic,
                    "the default name of the dead-letter topic is too long: set a name",
                )
                .with_source(source)
            }),
        }
    }
}
