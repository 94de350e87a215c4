//! The messages of a topic's send calls under way, each with its pending emission.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use futures_channel::oneshot;

use super::capacity::Permit;
use super::destination::Destination;
use super::observe::{Failure, Observe, SEND_FAILED, SENT};
use super::record::FailureKind;
use crate::envelope::Envelope;
use events_core::signal::SendError;
use events_support::error_chain::chain;
use events_transport::{Message, Position, TransportError};

/// Reports a message's result to its emission.
pub(super) type Settle = oneshot::Sender<Result<String, SendError>>;

/// The emission that waits for a message.
#[derive(Debug)]
pub(super) struct Pending {
    /// Consecutive within a topic queue.
    pub(super) number: u64,
    pub(super) since: Instant,
    pub(super) settle: Settle,
    pub(super) permit: Permit,
}

impl Pending {
    /// Reports the position of the stored message. If the emission was dropped, nobody reads it.
    fn sent(self, position: Position) {
        if !self.settle.is_canceled() {
            self.settle(Ok(position.to_string()));
        }
    }

    /// Releases the permit and reports the result. The receiver is gone if the emission was dropped.
    fn settle(self, result: Result<String, SendError>) {
        drop(self.permit);
        let _ = self.settle.send(result);
    }
}

/// Messages in order, as two lists, since a producer takes a slice of messages.
#[derive(Debug, Default)]
pub(super) struct Batch {
    messages: VecDeque<Message>,
    pending: VecDeque<Pending>,
}

impl Batch {
    pub(super) fn push(&mut self, message: Message, pending: Pending) {
        self.messages.push_back(message);
        self.pending.push_back(pending);
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn first_number(&self) -> Option<u64> {
        Some(self.pending.front()?.number)
    }

    pub(super) fn oldest(&self) -> Option<Instant> {
        Some(self.pending.front()?.since)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Message, &Pending)> {
        self.messages.iter().zip(&self.pending)
    }

    pub(super) fn into_messages(self) -> impl Iterator<Item = (Message, Pending)> {
        self.messages.into_iter().zip(self.pending)
    }

    /// The messages of this range, as far as there are that many.
    pub(super) fn range(&mut self, range: Range<usize>) -> &[Message] {
        let messages = self.messages.make_contiguous();
        let end = range.end.min(messages.len());
        messages.get(range.start..end).unwrap_or_default()
    }

    /// Settles the messages of this range that are stored and keeps the others, in order. A message without a result
    /// counts as not stored. Returns how many are kept.
    pub(super) fn settle(
        &mut self,
        range: Range<usize>,
        to: &Destination,
        results: Vec<Result<Position, TransportError>>,
        observe: &Observe,
    ) -> usize {
        let mut results = results.into_iter();
        let mut sent = 0;
        let mut kept = Self::default();
        let range = range.start..range.end.min(self.len());
        for (message, pending) in self.messages.drain(range.clone()).zip(self.pending.drain(range.clone())) {
            if let Some(Ok(position)) = results.next() {
                sent += 1;
                tracing::trace!(topic = %to.topic, transport = to.transport.named(), id = Envelope::id_of(&message), %position, "an event was sent");
                observe.sent(to, &message, position);
                pending.sent(position);
            } else {
                kept.push(message, pending);
            }
        }
        metrics::counter!(SENT, to.labels()).increment(sent);
        let count = kept.len();
        if count > 0 {
            let (mut messages, mut pending) =
                (self.messages.split_off(range.start), self.pending.split_off(range.start));
            self.messages.append(&mut kept.messages);
            self.pending.append(&mut kept.pending);
            self.messages.append(&mut messages);
            self.pending.append(&mut pending);
        }
        count
    }

    /// Settles the first message, which no attempt can send.
    pub(super) fn refuse_first(&mut self, to: &Destination, error: &TransportError, observe: &Observe) {
        if let (Some(message), Some(pending)) = (self.messages.pop_front(), self.pending.pop_front()) {
            refuse(&message, pending, to, error, observe);
        }
    }

    /// Settles the messages that no attempt can send, and keeps the others, in order.
    pub(super) fn refuse<'e>(
        &mut self,
        to: &Destination,
        error_of: impl Fn(&Message) -> Option<&'e TransportError>,
        observe: &Observe,
    ) {
        for (message, pending) in std::mem::take(self).into_messages() {
            match error_of(&message) {
                Some(error) => refuse(&message, pending, to, error, observe),
                None => self.push(message, pending),
            }
        }
    }
}

fn refuse(message: &Message, pending: Pending, to: &Destination, error: &TransportError, observe: &Observe) {
    metrics::counter!(SEND_FAILED, to.labels()).increment(1);
    let text = "an event was not sent";
    let Destination { topic, transport } = to;
    let failure =
        Failure { kind: FailureKind::NotSent, error: chain(error), topic, transport, received: None, text };
    observe.failed(&failure, message);
    pending.settle(Err(SendError::Failed(error.clone().into())));
}
