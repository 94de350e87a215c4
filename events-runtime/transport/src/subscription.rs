//! What a consumer asks for.

use std::time::Duration;

use super::{ConsumerGroup, ErrorKind, StartPosition, Topic, TransportError};

/// A member of a group on a topic, with its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscription {
    /// The topic, full name.
    pub topic: Topic,
    /// The group.
    pub group: ConsumerGroup,
    /// Where the group begins when it is made; an existing group goes on where it stands.
    pub start: StartPosition,
    /// How long a delivery stays with its consumer unless renewed.
    pub lease: Duration,
    /// The member's name, for listings; the transport makes one up where it is `None`.
    pub member: Option<String>,
    /// Where rejected messages go; `<topic>.<group>.dlq` where it is `None`.
    pub dead_letter: Option<Topic>,
}

impl Subscription {
    /// The lease unless set otherwise.
    pub const DEFAULT_LEASE: Duration = Duration::from_secs(30);

    /// A member of this group, from the earliest message on, with a lease of 30 seconds.
    #[must_use]
    pub const fn new(topic: Topic, group: ConsumerGroup) -> Self {
        Self {
            topic,
            group,
            start: StartPosition::Earliest,
            lease: Self::DEFAULT_LEASE,
            member: None,
            dead_letter: None,
        }
    }

    /// The same with this start position.
    #[must_use]
    pub fn start(mut self, start: StartPosition) -> Self {
        self.start = start;
        self
    }

    /// The same with this lease.
    #[must_use]
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// The same with this member name.
    #[must_use]
    pub fn member(mut self, member: impl Into<String>) -> Self {
        self.member = Some(member.into());
        self
    }

    /// The same with this dead-letter topic.
    #[must_use]
    pub fn dead_letter(mut self, topic: Topic) -> Self {
        self.dead_letter = Some(topic);
        self
    }

    /// Where this subscription's rejected messages go.
    ///
    /// # Errors
    /// A [`TransportError`] of kind [`Invalid`](ErrorKind::Invalid) where no topic is set and the
    /// made-up name passes the limit.
    pub fn dead_letter_topic(&self) -> Result<Topic, TransportError> {
        match &self.dead_letter {
            Some(topic) => Ok(topic.clone()),
            None => self.topic.dead_letter(&self.group).map_err(|source| {
                TransportError::new(
                    ErrorKind::Invalid,
                    "subscribe to",
                    &self.topic,
                    "the dead-letter topic's name would be too long: set one",
                )
                .with_source(source)
            }),
        }
    }
}
