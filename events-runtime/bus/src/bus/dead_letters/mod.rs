//! Listing, retrying, discarding and restoring dead letters.
//!
//! A group's dead letters are in a topic of their own. On that topic, the group [`DeadLetters::GROUP`]
//! records which of them were processed. Listing reads the dead letters that this group has not settled,
//! and leases none. Several programs may process the same dead letters: each leases the batch that it works
//! on and releases the rest. If a program dies, its leases end.

mod dead_letter;
mod leased_batch;
mod list;
mod process;
mod restore;

use std::time::Duration;

pub use dead_letter::DeadLetter;
pub(super) use dead_letter::original;

use events_transport::dead_letter as headers;
use events_transport::{ConsumerGroup, Message, Subscription, Topic, Transport, TransportError};

/// The dead letters of one group on one topic.
///
/// A dead letter that is [sent again](Self::retry) or [discarded](Self::discard) is removed. Each call
/// processes the dead letters that exist when it starts, in their order, and can be repeated safely: a
/// program that dies halfway leaves the remaining dead letters in place, possibly including one that it has
/// sent already. None is lost.
///
/// ```
/// use events_runtime::bus::{DeadLetter, DeadLetters};
/// use events_runtime::transport::{ConnectOptions, ConsumerGroup, Topic, connect};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = connect("memory:", &ConnectOptions::new())?;
/// let dead_letters = DeadLetters::of(&*transport, Topic::new("orders")?, ConsumerGroup::new("billing")?)?;
/// for dead_letter in dead_letters.list().await?.dead_letters {
///     println!("{} {}", dead_letter.position(), dead_letter.reason().unwrap_or_default());
/// }
/// let placed = |dead_letter: &DeadLetter| dead_letter.event_type() == Some("org.acme.orders.order.placed.v1");
/// let handled = dead_letters.retry(placed).await?;
/// assert!(handled.failed.is_empty());
/// # Ok(())
/// # }
/// ```
#[doc(alias("dlq", "dead letter queue", "redrive"))]
#[must_use = "nothing is read before `list`, `retry` or `discard`"]
pub struct DeadLetters<'t> {
    transport: &'t dyn Transport,
    /// The topic of the original messages.
    origin: Topic,
    group: ConsumerGroup,
    /// The dead-letter topic.
    topic: Topic,
    lease: Duration,
}

/// The existing dead letters.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Listing {
    /// Sorted by position.
    pub dead_letters: Vec<DeadLetter>,
    /// The number leased by another program, which may have died.
    pub elsewhere: u64,
}

/// The result of processing dead letters.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct DeadLetterReport {
    /// The removed dead letters, in order.
    pub done: Vec<DeadLetter>,
    /// The selected dead letters that remain, with the error. If one was sent but could not be removed,
    /// according to [`TransportError::operation`], the next call sends it twice.
    pub failed: Vec<(DeadLetter, TransportError)>,
    /// The number not selected, which remain unchanged.
    pub kept: u64,
    /// The number selected but not processed, because an earlier one failed or the call ended.
    pub untried: u64,
    /// The number selected but leased by another program, which may have died, or blocked by such a dead
    /// letter of their key.
    pub elsewhere: u64,
    /// Whether the call was stopped early.
    pub stopped: bool,
    /// The error that prevented reading more dead letters or releasing the leased ones.
    pub ended: Option<TransportError>,
}

impl DeadLetterReport {
    /// Whether all selected dead letters were processed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let left = self.failed.len() as u64 + self.untried + self.elsewhere;
        left == 0 && self.ended.is_none()
    }
}

/// The result of restoring dead letters.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Restored {
    /// The number stored as dead letters.
    pub stored: u64,
    /// The number that existed already.
    pub present: u64,
    /// The messages that could not be stored, with the error.
    pub failed: Vec<(Message, TransportError)>,
}

impl<'t> DeadLetters<'t> {
    /// The group on a dead-letter topic that records which dead letters were processed.
    pub const GROUP: &'static str = "dlq";

    /// The dead letters of a group on a topic, by its full name, in the topic `<topic>.<group>.dlq`.
    ///
    /// # Errors
    /// A [`TransportError`] of kind [`Invalid`](events_transport::ErrorKind::Invalid) if that name is too
    /// long.
    pub fn of(
        transport: &'t dyn Transport,
        topic: Topic,
        group: ConsumerGroup,
    ) -> Result<Self, TransportError> {
        let dead_letters = Subscription::new(topic.clone(), group.clone()).dead_letter_topic()?;
        Ok(Self::kept_in(transport, topic, group, dead_letters))
    }

    /// The dead letters of a group on a topic, if its consumers send them to a topic of another name. Dead
    /// letters of other groups in that topic are ignored.
    pub const fn kept_in(
        transport: &'t dyn Transport,
        topic: Topic,
        group: ConsumerGroup,
        dead_letters: Topic,
    ) -> Self {
        Self { transport, origin: topic, group, topic: dead_letters, lease: Subscription::DEFAULT_LEASE }
    }

    /// Sets the lease: how long the dead letters leased by a dead program stay hidden. It is renewed during
    /// the work.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// The dead-letter topic.
    #[must_use]
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

    /// Lists all dead letters, including those leased by other programs. Changes nothing.
    ///
    /// If the transport does not support [`unsettled`](Transport::unsettled), the dead letters are leased
    /// for a moment; those leased by others are missing.
    ///
    /// # Errors
    /// A [`TransportError`] if the store can't be read.
    pub async fn list(&self) -> Result<Listing, TransportError> {
        let mut dead_letters = Vec::new();
        self.for_each(|dead_letter| {
            dead_letters.push(dead_letter);
            Ok::<_, TransportError>(())
        })
        .await?;
        Ok(Listing { dead_letters, elsewhere: self.in_flight().await? })
    }

    /// Sends the selected dead letters to their topic again, unchanged: key, headers, id and data. A dead
    /// letter is removed after its message is stored.
    ///
    /// All groups of the topic receive the message, after later ones of its key, and can recognize it by
    /// its id. The first failed send ends the call, so that the dead letters of a key keep their order.
    ///
    /// # Errors
    /// A [`TransportError`] if the store can't be read or a producer can't be created. Later errors, and
    /// the dead letters that could not be sent or removed, are in [`DeadLetterReport`].
    pub async fn retry(
        &self,
        select: impl FnMut(&DeadLetter) -> bool,
    ) -> Result<DeadLetterReport, TransportError> {
        self.retry_until(select, std::future::pending::<()>()).await
    }

    /// Like [`retry`](Self::retry), until the future is ready: the current batch is finished, the rest
    /// remains unchanged.
    ///
    /// # Errors
    /// As for [`retry`](Self::retry).
    pub async fn retry_until(
        &self,
        select: impl FnMut(&DeadLetter) -> bool,
        stop: impl Future,
    ) -> Result<DeadLetterReport, TransportError> {
        let producer = self.transport.producer().await?;
        let mut done = Vec::new();
        let handled =
            self.process(select, Some(&*producer), stop, |dead_letter| done.push(dead_letter)).await?;
        Ok(DeadLetterReport { done, ..handled })
    }

    /// Removes the selected dead letters permanently.
    ///
    /// # Errors
    /// A [`TransportError`] if the store can't be read. Later errors, and the dead letters that could not
    /// be removed, are in [`DeadLetterReport`].
    pub async fn discard(
        &self,
        select: impl FnMut(&DeadLetter) -> bool,
    ) -> Result<DeadLetterReport, TransportError> {
        self.discard_until(select, std::future::pending::<()>()).await
    }

    /// Like [`discard`](Self::discard), until the future is ready: the current batch is finished, the rest
    /// remains unchanged.
    ///
    /// # Errors
    /// As for [`discard`](Self::discard).
    pub async fn discard_until(
        &self,
        select: impl FnMut(&DeadLetter) -> bool,
        stop: impl Future,
    ) -> Result<DeadLetterReport, TransportError> {
        let mut done = Vec::new();
        let handled = self.process(select, None, stop, |dead_letter| done.push(dead_letter)).await?;
        Ok(DeadLetterReport { done, ..handled })
    }

    /// Stores messages that were [exported as lines](DeadLetter::to_line) as dead letters again. Existing
    /// ones are skipped, so the call can be repeated safely.
    ///
    /// # Errors
    /// A [`TransportError`] if the store can't be read or a producer can't be created.
    pub async fn restore(&self, messages: Vec<Message>) -> Result<Restored, TransportError> {
        Ok(self.restoring().await?.add(messages).await)
    }

    /// Whether a dead letter belongs to this group and topic. One without these headers does.
    fn is_ours(&self, message: &Message) -> bool {
        let says =
            |header, ours: &str| message.headers.get(header).is_none_or(|value| value == ours.as_bytes());
        says(headers::TOPIC, self.origin.as_str()) && says(headers::GROUP, self.group.as_str())
    }
}

impl std::fmt::Debug for DeadLetters<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetters")
            .field("origin", &self.origin)
            .field("group", &self.group)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}
