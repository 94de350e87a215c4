//! Dead letters as a thing to work with: looked at, sent again, dropped, kept elsewhere.
//!
//! A group's dead letters stand in a topic, and the group [`DeadLetters::TOOL`] on that topic
//! remembers which of them were dealt with. Looking reads what that group has not settled, and takes
//! nothing. Several programs may deal with the same letters: each has in hand the batch that it works
//! on, and hands back what it leaves. Who dies with letters in hand gives them back when their lease
//! ends.

mod deal;
mod hand;
mod letter;
mod line;
mod look;
mod restore;

use std::time::Duration;

pub use letter::DeadLetter;
pub use line::LineError;

use crate::envelope::dead_letter;
use crate::transport::{ConsumerGroup, Message, Subscription, Topic, Transport, TransportError};

/// The dead letters of one group on one topic.
///
/// What is [sent again](Self::retry) or [discarded](Self::discard) is a dead letter no more. Each
/// call works on the letters that are there when it begins, in their order, and is safe to repeat:
/// a program that dies halfway leaves some letters where they were, and may leave one that it sent
/// already; it loses none.
///
/// ```
/// use events_runtime::bus::DeadLetters;
/// use events_runtime::transport::{ConnectOptions, ConsumerGroup, Topic, connect};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = connect("memory:", &ConnectOptions::new())?;
/// let letters = DeadLetters::of(&*transport, Topic::new("orders")?, ConsumerGroup::new("billing")?)?;
/// for letter in letters.list().await?.letters {
///     println!("{} {}", letter.position(), letter.reason().unwrap_or_default());
/// }
/// let handled = letters.retry(|letter| letter.event_type() == Some("org.acme.orders.order.placed.v1")).await?;
/// assert!(handled.failed.is_empty());
/// # Ok(())
/// # }
/// ```
#[doc(alias("dlq", "dead letter queue", "redrive"))]
#[must_use = "nothing is read before `list`, `retry` or `discard`"]
pub struct DeadLetters<'t> {
    transport: &'t dyn Transport,
    /// Where the messages came from.
    origin: Topic,
    group: ConsumerGroup,
    /// Where the letters stand.
    topic: Topic,
    lease: Duration,
}

/// The dead letters that there are.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Listing {
    /// In the order of their positions.
    pub letters: Vec<DeadLetter>,
    /// How many letters are in the hands of another program, or were in those of one that died.
    pub elsewhere: u64,
}

/// What became of dead letters.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Handled {
    /// Those that are dead letters no more, in order.
    pub done: Vec<DeadLetter>,
    /// Those that still are, though they were selected, and why. One that could not be removed
    /// after it was sent, by [`TransportError::operation`], will be sent twice.
    pub failed: Vec<(DeadLetter, TransportError)>,
    /// How many were not selected, and are left as they are.
    pub kept: u64,
    /// How many that were selected are left as they are, since one failed before or the call ended.
    pub untried: u64,
    /// How many that were selected are in the hands of another program, or were in those of one that
    /// died a moment ago, or stand behind such a one of their key.
    pub elsewhere: u64,
    /// Whether the call was told to stop before all was done.
    pub stopped: bool,
    /// Why no more letters could be had, or those in hand not be handed back.
    pub ended: Option<TransportError>,
}

impl Handled {
    /// Whether all that was selected is dealt with.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let left = self.failed.len() as u64 + self.untried + self.elsewhere;
        left == 0 && self.ended.is_none()
    }
}

/// What became of letters that were brought back.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Restored {
    /// How many are dead letters again.
    pub stored: u64,
    /// How many were there already.
    pub present: u64,
    /// Those that could not be stored, and why.
    pub failed: Vec<(Message, TransportError)>,
}

impl<'t> DeadLetters<'t> {
    /// The group on a dead-letter topic that remembers what was dealt with.
    pub const TOOL: &'static str = "dlq";

    /// The dead letters of this group on this topic, by its full name; in the topic
    /// `<topic>.<group>.dlq`.
    ///
    /// # Errors
    /// A [`TransportError`] of kind [`Invalid`](crate::transport::ErrorKind::Invalid) where that name is too long.
    pub fn of(
        transport: &'t dyn Transport,
        topic: Topic,
        group: ConsumerGroup,
    ) -> Result<Self, TransportError> {
        let letters = Subscription::new(topic.clone(), group.clone()).dead_letter_topic()?;
        Ok(Self::kept_in(transport, topic, group, letters))
    }

    /// The dead letters of this group on this topic, where its consumers send them to a topic of
    /// another name. Those of other groups there are passed over.
    pub const fn kept_in(
        transport: &'t dyn Transport,
        topic: Topic,
        group: ConsumerGroup,
        letters: Topic,
    ) -> Self {
        Self { transport, origin: topic, group, topic: letters, lease: Subscription::DEFAULT_LEASE }
    }

    /// The same with this lease: for so long, letters in the hands of a program that died stay
    /// out of sight. It is renewed while work goes on.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// The topic where they stand.
    #[must_use]
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

    /// All of them, also those that another program has in hand. Nothing is taken or changed by it.
    ///
    /// A transport whose [`unsettled`](Transport::unsettled) is not supported is read by taking the
    /// letters for a moment; those in other hands are missing then.
    ///
    /// # Errors
    /// A [`TransportError`] where the store can't be read.
    pub async fn list(&self) -> Result<Listing, TransportError> {
        let mut letters = Vec::new();
        self.look(|letter| {
            letters.push(letter);
            Ok::<_, TransportError>(())
        })
        .await?;
        Ok(Listing { letters, elsewhere: self.in_hand().await? })
    }

    /// Sends those that are selected to their topic again, as they were: key, headers, id and
    /// data. One is a dead letter until its message is stored.
    ///
    /// A topic is everybody's, on every transport: all its groups get the message, behind the
    /// later ones of its key, and can know it by its id. The first that can't be sent ends the
    /// call, so that letters of one key keep their order.
    ///
    /// # Errors
    /// A [`TransportError`] where the store can't be read or no producer be had. What could not
    /// be sent or removed is told in [`Handled`], and so is an error after the beginning.
    pub async fn retry(&self, select: impl FnMut(&DeadLetter) -> bool) -> Result<Handled, TransportError> {
        self.retry_until(select, std::future::pending::<()>()).await
    }

    /// [`retry`](Self::retry) until the future is ready: the batch that is under way is finished, the
    /// rest is left as it is.
    ///
    /// # Errors
    /// As for [`retry`](Self::retry).
    pub async fn retry_until(
        &self,
        select: impl FnMut(&DeadLetter) -> bool,
        stop: impl Future,
    ) -> Result<Handled, TransportError> {
        let producer = self.transport.producer().await?;
        let mut done = Vec::new();
        let handled = self.deal(select, Some(&*producer), stop, |letter| done.push(letter)).await?;
        Ok(Handled { done, ..handled })
    }

    /// Removes those that are selected. They are gone.
    ///
    /// # Errors
    /// A [`TransportError`] where the store can't be read. What could not be removed is told in
    /// [`Handled`], and so is an error after the beginning.
    pub async fn discard(&self, select: impl FnMut(&DeadLetter) -> bool) -> Result<Handled, TransportError> {
        self.discard_until(select, std::future::pending::<()>()).await
    }

    /// [`discard`](Self::discard) until the future is ready: the batch that is under way is finished,
    /// the rest is left as it is.
    ///
    /// # Errors
    /// As for [`discard`](Self::discard).
    pub async fn discard_until(
        &self,
        select: impl FnMut(&DeadLetter) -> bool,
        stop: impl Future,
    ) -> Result<Handled, TransportError> {
        let mut done = Vec::new();
        let handled = self.deal(select, None, stop, |letter| done.push(letter)).await?;
        Ok(Handled { done, ..handled })
    }

    /// Makes messages dead letters again that were [written as lines](DeadLetter::to_line). Those
    /// that are there already are passed over, so that repeating it does no harm.
    ///
    /// # Errors
    /// A [`TransportError`] where the store can't be read or no producer be had.
    pub async fn restore(&self, messages: Vec<Message>) -> Result<Restored, TransportError> {
        Ok(self.restoring().await?.add(messages).await)
    }

    /// Whether a letter is one of this group on this topic; one that does not say is.
    fn is_ours(&self, message: &Message) -> bool {
        let says =
            |header, ours: &str| message.headers.get(header).is_none_or(|value| value == ours.as_bytes());
        says(dead_letter::TOPIC, self.origin.as_str()) && says(dead_letter::GROUP, self.group.as_str())
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
