//! A received message and the ways to settle it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::{BoxFuture, ConsumerGroup, Message, Position, Topic, TransportError};
use events_support::error_chain::links;

/// What a [`Settle`] knows a delivery by.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Where the message stands in its topic.
    pub position: Position,
    /// The message's key.
    pub key: Option<Bytes>,
    /// Free for the transport's own use: a lease, a generation of an assignment.
    pub token: u64,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done: the group never gets it again.
    Ack,
    /// Again, not before so much time has passed; the attempt counts.
    Retry(Duration),
    /// Again at once, as if it had never been handed out; the attempt does not count.
    Release,
    /// Done, and this message goes to the group's dead-letter topic. The two belong together: a
    /// transport that can't do both at once stores the dead letter first.
    Reject(Box<Message>),
}

/// One delivery's outcome, on its way to the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settlement {
    /// Which delivery.
    pub receipt: Receipt,
    /// What became of it.
    pub outcome: Outcome,
}

impl Receipt {
    /// A receipt; for transports.
    #[must_use]
    pub const fn new(position: Position, key: Option<Bytes>, token: u64) -> Self {
        Self { position, key, token }
    }
}

impl Settlement {
    /// The outcome of a delivery; for transports.
    #[must_use]
    pub const fn new(receipt: Receipt, outcome: Outcome) -> Self {
        Self { receipt, outcome }
    }

    /// A delivery that comes again after a time, with its attempt counted.
    #[must_use]
    pub const fn retry(receipt: Receipt, after: Duration) -> Self {
        Self { receipt, outcome: Outcome::Retry(after) }
    }
}

/// The transport's side of a [`Delivery`].
pub trait Settle: Send + Sync {
    /// Takes the outcomes in now and gives a future that waits until they are stored: a result
    /// for each, in order. Dropping the future takes nothing back.
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'static, Vec<Result<(), TransportError>>>;

    /// A delivery was dropped without an outcome: it comes back with its attempt counted. Must
    /// neither block nor need an async runtime.
    fn abandon(&self, receipt: Receipt);

    /// Starts the deliveries' leases anew: a result for each, in order. A transport without
    /// leases has nothing to do.
    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Vec<Result<(), TransportError>>>;
}

/// Why a message is given up: the reason, and the chain of errors behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    reason: String,
    kind: Option<&'static str>,
    attempts: Option<u32>,
    causes: Vec<String>,
    receivers: Vec<String>,
}

impl Rejection {
    /// A rejection for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: None, attempts: None, causes: Vec::new(), receivers: Vec::new() }
    }

    /// A rejection for this error and what caused it, outermost first.
    pub fn from_error(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut links = links(error).into_iter();
        let reason = links.next().unwrap_or_default();
        Self { causes: links.collect(), ..Self::new(reason) }
    }

    /// The same with one word for programs, which says in which way the message failed.
    #[must_use]
    pub const fn kind(mut self, kind: &'static str) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The same with the number of attempts, where it is not the delivery's: this one was not made.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// The same with a further error behind the reason.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// The same with a further receiver that failed.
    #[must_use]
    pub fn receiver(mut self, name: impl Into<String>) -> Self {
        self.receivers.push(name.into());
        self
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The errors behind the reason, outermost first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// One word for programs, which says in which way the message failed.
    #[must_use]
    pub const fn kind_word(&self) -> Option<&'static str> {
        self.kind
    }

    /// The number of attempts, where it is not the delivery's.
    #[must_use]
    pub const fn attempts_made(&self) -> Option<u32> {
        self.attempts
    }

    /// The receivers that failed.
    #[must_use]
    pub fn receivers(&self) -> &[String] {
        &self.receivers
    }
}

impl From<&str> for Rejection {
    fn from(reason: &str) -> Self {
        Self::new(reason)
    }
}

impl From<String> for Rejection {
    fn from(reason: String) -> Self {
        Self::new(reason)
    }
}

/// Whom a consumer's deliveries belong to; one per consumer, shared by its deliveries.
#[derive(Clone)]
pub struct Recipient {
    topic: Topic,
    group: ConsumerGroup,
    settle: Arc<dyn Settle>,
}

impl Recipient {
    /// The consumer of this group on this topic, whose deliveries are settled here.
    pub fn new(topic: Topic, group: ConsumerGroup, settle: Arc<dyn Settle>) -> Self {
        Self { topic, group, settle }
    }
}

/// A message handed to one member of a group, to be settled once.
///
/// [`ack`](Self::ack), [`retry`](Self::retry), [`release`](Self::release) and
/// [`reject`](Self::reject) take effect when called; the future that each returns waits until the
/// outcome is stored, so several can be settled first and then awaited together. An `Err` means
/// that the outcome may not be stored and the message can come back. Dropping a delivery
/// means redelivery with the attempt counted.
///
/// Keys keep their order for as long as the consumer keeps it: of deliveries with one key, settle
/// the earlier first, and when one is to be retried, [`release`](Self::release) the later ones.
#[must_use = "a dropped delivery comes back: settle it with ack, retry, release or reject"]
pub struct Delivery {
    message: Message,
    attempt: u32,
    time: SystemTime,
    recipient: Arc<Recipient>,
    /// Taken when the delivery is settled.
    receipt: Option<Receipt>,
    position: Position,
}

impl Delivery {
    /// A delivery; for transports. `token` comes back in the [`Receipt`].
    pub fn new(
        message: Message,
        position: Position,
        attempt: u32,
        time: SystemTime,
        token: u64,
        recipient: Arc<Recipient>,
    ) -> Self {
        let receipt = Receipt { position, key: message.key.clone(), token };
        Self { message, attempt, time, recipient, receipt: Some(receipt), position }
    }

    /// The message.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// Where the message stands in its topic.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// How many times the group was handed this message, this time included: 1 at first.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When the transport stored the message.
    #[must_use]
    pub const fn time(&self) -> SystemTime {
        self.time
    }

    /// The topic that the message was read from.
    #[must_use]
    pub fn topic(&self) -> &Topic {
        &self.recipient.topic
    }

    /// The group that the message was handed to.
    #[must_use]
    pub fn group(&self) -> &ConsumerGroup {
        &self.recipient.group
    }

    /// Done: the group never gets this message again.
    ///
    /// # Errors
    /// The future gives a [`TransportError`] where that could not be stored, of kind
    /// [`LeaseLost`](super::ErrorKind::LeaseLost) where the message is somebody else's by now.
    #[doc(alias("acknowledge", "accept", "commit"))]
    pub fn ack(self) -> BoxFuture<'static, Result<(), TransportError>> {
        self.settle(Outcome::Ack)
    }

    /// Again, not before `after` has passed, with the attempt counted.
    ///
    /// # Errors
    /// As for [`ack`](Self::ack).
    #[doc(alias("nack", "requeue", "modify"))]
    pub fn retry(self, after: Duration) -> BoxFuture<'static, Result<(), TransportError>> {
        self.settle(Outcome::Retry(after))
    }

    /// Hands the message back unprocessed: it comes again at once with the same attempt.
    ///
    /// # Errors
    /// As for [`ack`](Self::ack).
    #[doc(alias("nack", "abandon", "return"))]
    pub fn release(self) -> BoxFuture<'static, Result<(), TransportError>> {
        self.settle(Outcome::Release)
    }

    /// Gives the message up: it goes to the group's dead-letter topic with its headers, the
    /// reason and the count of attempts, and the group never gets it again.
    ///
    /// # Errors
    /// As for [`ack`](Self::ack).
    #[doc(alias("nack", "dlq", "dead letter"))]
    pub fn reject(self, reason: impl Into<Rejection>) -> BoxFuture<'static, Result<(), TransportError>> {
        let letter = crate::dead_letter::dead_letter(&self, &reason.into());
        self.settle(Outcome::Reject(Box::new(letter)))
    }

    /// Starts the lease anew while a receiver is still at work.
    ///
    /// # Errors
    /// A [`TransportError`] of kind [`LeaseLost`](super::ErrorKind::LeaseLost) where it ran out
    /// before: the message is or will be somebody else's.
    #[doc(alias("extend", "visibility timeout", "heartbeat"))]
    pub fn renew(&self) -> BoxFuture<'static, Result<(), TransportError>> {
        match self.receipt.clone() {
            Some(receipt) => only(self.recipient.settle.renew(vec![receipt])),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    /// What the four above come to.
    pub fn settle(mut self, outcome: Outcome) -> BoxFuture<'static, Result<(), TransportError>> {
        match self.receipt.take() {
            Some(receipt) => only(self.recipient.settle.settle(vec![Settlement { receipt, outcome }])),
            // Unreachable: only this method and drop take the receipt, and both consume it.
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }
}

/// Acknowledges many deliveries at once: a result for each, in order. Takes effect when called,
/// like [`Delivery::ack`].
pub fn ack_all(
    deliveries: impl IntoIterator<Item = Delivery>,
) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
    settle_all(deliveries, &Outcome::Ack)
}

/// Releases many deliveries at once, as [`ack_all`] acknowledges them.
pub fn release_all(
    deliveries: impl IntoIterator<Item = Delivery>,
) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
    settle_all(deliveries, &Outcome::Release)
}

fn settle_all(
    deliveries: impl IntoIterator<Item = Delivery>,
    outcome: &Outcome,
) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
    let settlements = deliveries.into_iter().filter_map(|mut delivery| {
        let receipt = delivery.receipt.take()?;
        Some((delivery.recipient.clone(), Settlement { receipt, outcome: outcome.clone() }))
    });
    submitted(settlements, |settle, run| settle.settle(run))
}

/// Renews the leases of many deliveries at once: a result for each, in order. Takes effect when called,
/// like [`Delivery::renew`].
pub fn renew_all<'a>(
    deliveries: impl IntoIterator<Item = &'a Delivery>,
) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
    let receipts = deliveries
        .into_iter()
        .filter_map(|delivery| Some((delivery.recipient.clone(), delivery.receipt.clone()?)));
    submitted(receipts, |settle, run| settle.renew(run))
}

/// One call for each run of the same recipient. All are made here, not when the future is polled.
fn submitted<T>(
    items: impl Iterator<Item = (Arc<Recipient>, T)>,
    call: impl Fn(&dyn Settle, Vec<T>) -> BoxFuture<'static, Vec<Result<(), TransportError>>>,
) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
    let mut runs: Vec<(Arc<Recipient>, Vec<T>)> = Vec::new();
    for (recipient, item) in items {
        match runs.last_mut() {
            Some((last, run)) if Arc::ptr_eq(last, &recipient) => run.push(item),
            _ => runs.push((recipient, vec![item])),
        }
    }
    let waits: Vec<_> = runs.into_iter().map(|(recipient, run)| call(&*recipient.settle, run)).collect();
    Box::pin(async move {
        let mut results = Vec::new();
        for wait in waits {
            results.append(&mut wait.await);
        }
        results
    })
}

fn only(
    results: BoxFuture<'static, Vec<Result<(), TransportError>>>,
) -> BoxFuture<'static, Result<(), TransportError>> {
    Box::pin(async move { results.await.pop().unwrap_or(Ok(())) })
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(receipt) = self.receipt.take() {
            self.recipient.settle.abandon(receipt);
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("topic", self.topic())
            .field("group", self.group())
            .field("position", &self.position)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
