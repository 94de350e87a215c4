//! Dead letters as a thing to work with: looked at, sent again, dropped, kept elsewhere.
//!
//! A group's dead letters stand in a topic, and the group [`DeadLetters::TOOL`] on that topic
//! remembers which of them were dealt with. So everything here needs only what every transport
//! can do, and several programs may work on the same letters: each has in hand what it works on,
//! and hands back what it leaves. Who dies with letters in hand gives them back when their lease
//! ends.

mod hand;
mod letter;
mod line;

use std::collections::HashSet;
use std::time::Duration;

pub use letter::DeadLetter;
pub use line::LineError;

use self::hand::{CHUNK, Hand};
use crate::envelope::dead_letter;
use crate::transport::{
    Acknowledgement, ConsumerGroup, Delivery, ErrorKind, Message, Producer, Subscription, Topic, Transport,
    TransportError, ack_all,
};

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
    /// How many more are in the hands of another program, or were in those of one that died a
    /// moment ago.
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
    /// How many were left as they are.
    pub kept: u64,
    /// How many more are in the hands of another program, or were in those of one that died a
    /// moment ago.
    pub elsewhere: u64,
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
    /// A [`TransportError`] of kind [`Invalid`](ErrorKind::Invalid) where that name is too long.
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

    /// All of them. They stay as they are.
    ///
    /// # Errors
    /// A [`TransportError`] where the store can't be read.
    pub async fn list(&self) -> Result<Listing, TransportError> {
        let Some(hand) = Hand::take(self).await? else {
            return Ok(Listing::default());
        };
        let elsewhere = hand.elsewhere;
        let letters = hand.deliveries.iter().map(DeadLetter::from).collect();
        hand.give_back().await?;
        Ok(Listing { letters, elsewhere })
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
    /// be sent or removed is told in [`Handled::failed`].
    pub async fn retry(&self, select: impl FnMut(&DeadLetter) -> bool) -> Result<Handled, TransportError> {
        let producer = self.transport.producer().await?;
        self.deal_with(select, Some(&*producer)).await
    }

    /// Removes those that are selected. They are gone.
    ///
    /// # Errors
    /// A [`TransportError`] where the store can't be read. What could not be removed is told in
    /// [`Handled::failed`].
    pub async fn discard(&self, select: impl FnMut(&DeadLetter) -> bool) -> Result<Handled, TransportError> {
        self.deal_with(select, None).await
    }

    /// Makes messages dead letters again that were [written as lines](DeadLetter::to_line). Those
    /// that are there already are passed over, so that repeating it does no harm.
    ///
    /// # Errors
    /// A [`TransportError`] where the store can't be read or no producer be had.
    pub async fn restore(&self, messages: Vec<Message>) -> Result<Restored, TransportError> {
        let producer = self.transport.producer().await?;
        let listing = self.list().await?;
        let mut present: HashSet<String> =
            listing.letters.iter().map(|letter| line::message(letter.message()).to_string()).collect();
        let mut restored = Restored::default();
        let (new, old): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| present.insert(line::message(message).to_string()));
        restored.present = old.len() as u64;
        let (new, foreign): (Vec<_>, Vec<_>) = new.into_iter().partition(|message| self.is_ours(message));
        restored.failed.extend(foreign.into_iter().map(|message| (message, self.of_others())));
        let sends: Vec<_> = new.chunks(CHUNK).map(|chunk| producer.send(&self.topic, chunk)).collect();
        let mut results = Vec::with_capacity(new.len());
        for send in sends {
            results.append(&mut send.await);
        }
        for (message, result) in new.into_iter().zip(results) {
            match result {
                Ok(_) => restored.stored += 1,
                Err(error) => restored.failed.push((message, error)),
            }
        }
        Ok(restored)
    }

    /// Sends what is selected, where there is a producer, and removes it then.
    async fn deal_with(
        &self,
        mut select: impl FnMut(&DeadLetter) -> bool,
        producer: Option<&dyn Producer>,
    ) -> Result<Handled, TransportError> {
        let Some(mut hand) = Hand::take(self).await? else {
            return Ok(Handled::default());
        };
        let mut handled = Handled { elsewhere: hand.elsewhere, ..Handled::default() };
        let mut chosen = hand.pick(&mut select);
        handled.kept = hand.deliveries.len() as u64;
        let last = chosen.last().map(Delivery::position);
        if let Some(last) = last
            && self.transport.capability().acknowledgement == Acknowledgement::Cumulative
        {
            hand.move_behind(self, last).await?;
        }
        while !chosen.is_empty() && handled.failed.is_empty() {
            hand.keep(&chosen).await;
            let rest = chosen.split_off(CHUNK.min(chosen.len()));
            let chunk = std::mem::replace(&mut chosen, rest);
            let sent = match producer {
                Some(producer) => self.send(producer, chunk, &mut handled).await,
                None => chunk,
            };
            remove(sent, &mut handled).await;
        }
        handled.kept += chosen.len() as u64;
        hand.deliveries.append(&mut chosen);
        hand.give_back().await?;
        Ok(handled)
    }

    /// Sends letters to their topic; gives those that are stored there.
    async fn send(
        &self,
        producer: &dyn Producer,
        chunk: Vec<Delivery>,
        handled: &mut Handled,
    ) -> Vec<Delivery> {
        let originals: Vec<_> = chunk.iter().map(|delivery| letter::original(delivery.message())).collect();
        let results = producer.send(&self.origin, &originals).await;
        let mut sent = Vec::with_capacity(chunk.len());
        for (delivery, result) in chunk.into_iter().zip(results) {
            match result {
                Ok(_) => sent.push(delivery),
                Err(error) => {
                    handled.failed.push((DeadLetter::from(&delivery), error));
                    hand::release([delivery]).await;
                }
            }
        }
        sent
    }

    fn of_others(&self) -> TransportError {
        let message = format!(
            "it is a dead letter of another topic or group than `{}` and `{}`: restore it where it came from",
            self.origin, self.group
        );
        TransportError::new(ErrorKind::Invalid, "restore into", &self.topic, message)
    }

    /// Whether a letter is one of this group on this topic; one that does not say is.
    fn is_ours(&self, message: &Message) -> bool {
        let says =
            |header, ours: &str| message.headers.get(header).is_none_or(|value| value == ours.as_bytes());
        says(dead_letter::TOPIC, self.origin.as_str()) && says(dead_letter::GROUP, self.group.as_str())
    }
}

/// Makes letters dead letters no more.
async fn remove(deliveries: Vec<Delivery>, handled: &mut Handled) {
    let letters: Vec<_> = deliveries.iter().map(DeadLetter::from).collect();
    for (letter, removed) in letters.into_iter().zip(ack_all(deliveries).await) {
        match removed {
            Ok(()) => handled.done.push(letter),
            Err(error) => handled.failed.push((letter, error)),
        }
    }
}

/// Whether there is no such topic; a group has no dead letters then.
fn is_not_there(error: &TransportError) -> bool {
    error.kind() == ErrorKind::NotFound
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
