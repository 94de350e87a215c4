//! Deliveries and their outcomes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::{BoxFuture, ConsumerGroup, ErrorKind, Message, Position, Topic, TransportError};
use events_support::error_chain::links;

/// Identifies a delivery to its [`Settle`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The message's position in its topic.
    pub position: Position,
    /// The message's key.
    pub key: Option<Bytes>,
    /// For the transport's own use, for example the number of a lease or an assignment.
    pub token: u64,
}

/// The outcome of a delivery, in the words of AMQP 1.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Processed: the message is not delivered to the group again.
    Ack,
    /// Processed, and these messages are stored in their topics, in order: all of it, or nothing. Transports
    /// without [`Capability::transactions`](super::Capability::transactions) are not given this outcome.
    AckWith(Vec<(Topic, Message)>),
    /// Redelivered after this time; the attempt counts.
    Retry(Duration),
    /// Redelivered at once; the attempt does not count.
    Release,
    /// Redelivered after this time; the attempt does not count.
    Postpone(Duration),
    /// Acknowledged, and this dead letter is stored in the group's dead-letter topic. A transport that can't
    /// do both atomically stores the dead letter first.
    Reject(Box<Message>),
}

/// The outcome of one delivery, passed to the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settlement {
    /// The delivery.
    pub receipt: Receipt,
    /// Its outcome.
    pub outcome: Outcome,
}

impl Receipt {
    /// Creates a receipt; for transports.
    #[must_use]
    pub const fn new(position: Position, key: Option<Bytes>, token: u64) -> Self {
        Self { position, key, token }
    }
}

impl Settlement {
    /// Creates a settlement; for transports.
    #[must_use]
    pub const fn new(receipt: Receipt, outcome: Outcome) -> Self {
        Self { receipt, outcome }
    }

    /// The settlement of a delivery to retry.
    #[must_use]
    pub const fn retry(receipt: Receipt, after: Duration) -> Self {
        Self { receipt, outcome: Outcome::Retry(after) }
    }
}

/// The transport's side of a [`Delivery`].
pub trait Settle: Send + Sync {
    /// Accepts the outcomes now, and returns a future that waits until they are stored, with a result for
    /// each, in order. Dropping the future does not revoke them.
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'static, Vec<Result<(), TransportError>>>;

    /// Called when a delivery is dropped without an outcome: it is redelivered, and the attempt counts. Must
    /// neither block nor need an async runtime.
    fn abandon(&self, receipt: Receipt);

    /// Renews the leases of deliveries, with a result for each, in order. A transport without leases does
    /// nothing.
    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Vec<Result<(), TransportError>>>;
}

/// The reason for rejecting a message, with the chain of errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    reason: String,
    kind: Option<&'static str>,
    attempts: Option<u32>,
    causes: Vec<String>,
    receivers: Vec<String>,
}

impl Rejection {
    /// Creates a rejection with this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: None, attempts: None, causes: Vec::new(), receivers: Vec::new() }
    }

    /// Creates a rejection from an error and its sources.
    pub fn from_error(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut links = links(error).into_iter();
        let reason = links.next().unwrap_or_default();
        Self { causes: links.collect(), ..Self::new(reason) }
    }

    /// Sets a stable identifier of the kind of failure, for programs.
    #[must_use]
    pub const fn kind(mut self, kind: &'static str) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Sets the number of attempts, if the current delivery was not an attempt.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Adds a cause.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds a failed receiver.
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

    /// The causes of the reason, outermost first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// The stable identifier of the kind of failure.
    #[must_use]
    pub const fn kind_word(&self) -> Option<&'static str> {
        self.kind
    }

    /// The number of attempts, if it is not that of the delivery.
    #[must_use]
    pub const fn attempts_made(&self) -> Option<u32> {
        self.attempts
    }

    /// The failed receivers.
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

/// The consumer of deliveries; one per consumer, shared by its deliveries.
#[derive(Clone)]
pub struct Recipient {
    topic: Topic,
    group: ConsumerGroup,
    settle: Arc<dyn Settle>,
}

impl Recipient {
    /// Creates the recipient of a consumer's deliveries, which `settle` settles.
    pub fn new(topic: Topic, group: ConsumerGroup, settle: Arc<dyn Settle>) -> Self {
        Self { topic, group, settle }
    }
}

/// A message that was delivered to a member of a group, to be settled once.
///
/// [`ack`](Self::ack), [`retry`](Self::retry), [`release`](Self::release), [`postpone`](Self::postpone) and
/// [`reject`](Self::reject) take effect when called. The returned future waits until the outcome is stored,
/// so several deliveries can be settled first and then awaited together. An `Err` means that the outcome may
/// not be stored, and the message may be redelivered. A dropped delivery is redelivered, and the attempt
/// counts.
///
/// The order of a key depends on the consumer: settle the deliveries of a key in their order, and when one
/// is retried or postponed, [`release`](Self::release) the later ones.
#[must_use = "a dropped delivery is redelivered: settle it with ack, retry, release, postpone or reject"]
pub struct Delivery {
    message: Message,
    attempt: u32,
    time: SystemTime,
    recipient: Arc<Recipient>,
    /// Taken when the delivery is settled.
    receipt: Option<Receipt>,
    position: Position,
    /// Stored when the delivery is acknowledged.
    outputs: Vec<(Topic, Message)>,
}

impl Delivery {
    /// Creates a delivery; for transports. The [`Receipt`] contains `token`.
    pub fn new(
        message: Message,
        position: Position,
        attempt: u32,
        time: SystemTime,
        token: u64,
        recipient: Arc<Recipient>,
    ) -> Self {
        let receipt = Receipt { position, key: message.key.clone(), token };
        Self { message, attempt, time, recipient, receipt: Some(receipt), position, outputs: Vec::new() }
    }

    /// Sets the position that [`position`](Self::position) reports; for transports that have moved the message to
    /// another topic. The [`Receipt`] keeps the position where the message is now.
    pub const fn moved_from(mut self, position: Position) -> Self {
        self.position = position;
        self
    }

    /// The message.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// The message's position in its topic.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The number of deliveries of the message to the group, this one included.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When the transport stored the message.
    #[must_use]
    pub const fn time(&self) -> SystemTime {
        self.time
    }

    /// The message's topic.
    #[must_use]
    pub fn topic(&self) -> &Topic {
        &self.recipient.topic
    }

    /// The group to which the message was delivered.
    #[must_use]
    pub fn group(&self) -> &ConsumerGroup {
        &self.recipient.group
    }

    /// Adds messages that are stored in their topics if, and only if, the message is acknowledged. Any other
    /// outcome drops them.
    ///
    /// Needs a transport that [can](super::Capability::transactions); the schemas of the messages are stored before.
    pub fn add_outputs(&mut self, outputs: impl IntoIterator<Item = (Topic, Message)>) {
        self.outputs.extend(outputs);
    }

    /// Acknowledges the message: it is not delivered to the group again. Its
    /// [outputs](Self::add_outputs) are stored with the acknowledgement.
    ///
    /// # Errors
    /// A [`TransportError`] if the outcome could not be stored, of kind
    /// [`LeaseLost`](super::ErrorKind::LeaseLost) if the message no longer belongs to this member.
    #[doc(alias("acknowledge", "accept", "commit"))]
    pub fn ack(self) -> BoxFuture<'static, Result<(), TransportError>> {
        self.settle(Outcome::Ack)
    }

    /// Returns the message for redelivery after `after`; the attempt counts.
    ///
    /// # Errors
    /// As for [`ack`](Self::ack).
    #[doc(alias("nack", "requeue", "modify"))]
    pub fn retry(self, after: Duration) -> BoxFuture<'static, Result<(), TransportError>> {
        self.settle(Outcome::Retry(after))
    }

    /// Returns the message unprocessed: it is redelivered at once, and the attempt does not count.
    ///
    /// # Errors
    /// As for [`ack`](Self::ack).
    #[doc(alias("nack", "abandon", "return"))]
    pub fn release(self) -> BoxFuture<'static, Result<(), TransportError>> {
        self.settle(Outcome::Release)
    }

    /// Returns the message unprocessed, for redelivery after `after`; the attempt does not count. For a message
    /// that waits for something other than its receivers.
    ///
    /// # Errors
    /// As for [`ack`](Self::ack).
    #[doc(alias("defer", "delay"))]
    pub fn postpone(self, after: Duration) -> BoxFuture<'static, Result<(), TransportError>> {
        self.settle(Outcome::Postpone(after))
    }

    /// Rejects the message: it is stored in the group's dead-letter topic with its headers, the reason and
    /// the number of attempts, and is not delivered to the group again.
    ///
    /// # Errors
    /// As for [`ack`](Self::ack).
    #[doc(alias("nack", "dlq", "dead letter"))]
    pub fn reject(self, reason: impl Into<Rejection>) -> BoxFuture<'static, Result<(), TransportError>> {
        let dead_letter = crate::dead_letter::dead_letter(&self, &reason.into());
        self.settle(Outcome::Reject(Box::new(dead_letter)))
    }

    /// Renews the lease while a receiver is still working.
    ///
    /// # Errors
    /// A [`TransportError`] of kind [`LeaseLost`](super::ErrorKind::LeaseLost) if the lease has ended: the
    /// message is delivered to another member.
    #[doc(alias("extend", "visibility timeout", "heartbeat"))]
    pub fn renew(&self) -> BoxFuture<'static, Result<(), TransportError>> {
        match self.receipt.clone() {
            Some(receipt) => only(&self.recipient, "renew", self.recipient.settle.renew(vec![receipt])),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    /// Settles the message with this outcome.
    pub fn settle(mut self, outcome: Outcome) -> BoxFuture<'static, Result<(), TransportError>> {
        match self.receipt.take() {
            Some(receipt) => {
                let outcome = self.with_outputs(outcome);
                let settled = self.recipient.settle.settle(vec![Settlement { receipt, outcome }]);
                only(&self.recipient, "settle", settled)
            }
            // Unreachable: only this method and drop take the receipt, and both consume it.
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }
}

impl Delivery {
    /// The outcome, with the outputs if it is an acknowledgement.
    fn with_outputs(&mut self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Ack if !self.outputs.is_empty() => Outcome::AckWith(std::mem::take(&mut self.outputs)),
            outcome => outcome,
        }
    }
}

/// Acknowledges deliveries in one call, with a result for each, in order. Takes effect when called, like
/// [`Delivery::ack`].
pub fn ack_all(
    deliveries: impl IntoIterator<Item = Delivery>,
) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
    settle_all(deliveries, &Outcome::Ack)
}

/// Releases deliveries in one call, like [`ack_all`].
pub fn release_all(
    deliveries: impl IntoIterator<Item = Delivery>,
) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
    settle_all(deliveries, &Outcome::Release)
}

/// Postpones deliveries in one call, like [`ack_all`].
pub fn postpone_all(
    deliveries: impl IntoIterator<Item = Delivery>,
    after: Duration,
) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
    settle_all(deliveries, &Outcome::Postpone(after))
}

fn settle_all(
    deliveries: impl IntoIterator<Item = Delivery>,
    outcome: &Outcome,
) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
    let deliveries = deliveries.into_iter();
    let mut runs = Runs::of(&deliveries);
    for mut delivery in deliveries {
        if let Some(receipt) = delivery.receipt.take() {
            let outcome = delivery.with_outputs(outcome.clone());
            runs.add(&delivery.recipient, Settlement { receipt, outcome });
        }
    }
    runs.submitted(|settle, run| settle.settle(run))
}

/// Renews the leases of deliveries in one call, with a result for each, in order. Takes effect when called,
/// like [`Delivery::renew`].
pub fn renew_all<'a>(
    deliveries: impl IntoIterator<Item = &'a Delivery>,
) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
    let deliveries = deliveries.into_iter();
    let mut runs = Runs::of(&deliveries);
    for delivery in deliveries {
        if let Some(receipt) = delivery.receipt.clone() {
            runs.add(&delivery.recipient, receipt);
        }
    }
    runs.submitted(|settle, run| settle.renew(run))
}

/// What is submitted in one call for each run of the same recipient.
struct Runs<T> {
    runs: Vec<(Arc<Recipient>, Vec<T>)>,
    /// How many items the first run may have.
    most: usize,
}

impl<T> Runs<T> {
    /// For no more items than these, if they know their number.
    fn of<I>(items: &impl Iterator<Item = I>) -> Self {
        Self { runs: Vec::new(), most: items.size_hint().0 }
    }

    fn add(&mut self, recipient: &Arc<Recipient>, item: T) {
        match self.runs.last_mut() {
            Some((last, run)) if Arc::ptr_eq(last, recipient) => run.push(item),
            _ => {
                // Most calls have one run.
                let mut run = Vec::with_capacity(std::mem::take(&mut self.most).max(1));
                run.push(item);
                self.runs.push((Arc::clone(recipient), run));
            }
        }
    }

    /// Makes the calls now, not when the future is polled.
    fn submitted(
        self,
        call: impl Fn(&dyn Settle, Vec<T>) -> BoxFuture<'static, Vec<Result<(), TransportError>>>,
    ) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        let mut waits: Vec<_> =
            self.runs.into_iter().map(|(recipient, run)| call(&*recipient.settle, run)).collect();
        if waits.len() == 1
            && let Some(only) = waits.pop()
        {
            return only;
        }
        Box::pin(async move {
            let mut results = Vec::new();
            for wait in waits {
                results.append(&mut wait.await);
            }
            results
        })
    }
}

/// The result of the only item.
fn only(
    recipient: &Recipient,
    operation: &'static str,
    results: BoxFuture<'static, Vec<Result<(), TransportError>>>,
) -> BoxFuture<'static, Result<(), TransportError>> {
    let topic = recipient.topic.clone();
    Box::pin(async move {
        results.await.pop().unwrap_or_else(|| {
            let message = "the transport did not say what became of the message";
            Err(TransportError::new(ErrorKind::Unavailable, operation, topic, message))
        })
    })
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
