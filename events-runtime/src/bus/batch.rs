//! What goes to a topic in one call, and who waits for each message of it.

use std::collections::VecDeque;
use std::time::Instant;

use super::error::chain;
use super::lane::{Place, Settle};
use super::observe::{Failure, NOT_SENT, Observe, SEND_FAILED, SENT};
use crate::envelope::Envelope;
use crate::signal::SendError;
use crate::transport::{Message, Position, Topic, TransportError};

/// Who waits for a message's end, and since when.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Counts the events of a lane.
    pub(super) number: u64,
    pub(super) since: Instant,
    pub(super) settle: Settle,
    pub(super) place: Place,
}

impl Waiting {
    /// Gives the place back and tells who waits; nobody does where the emission was dropped.
    fn settle(self, result: Result<String, SendError>) {
        drop(self.place);
        let _ = self.settle.send(result);
    }
}

/// Messages in order. Two lists, since a producer takes a slice of messages.
#[derive(Debug, Default)]
pub(super) struct Batch {
    messages: VecDeque<Message>,
    waiting: VecDeque<Waiting>,
}

impl Batch {
    pub(super) fn push(&mut self, message: Message, waiting: Waiting) {
        self.messages.push_back(message);
        self.waiting.push_back(waiting);
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn first_number(&self) -> Option<u64> {
        Some(self.waiting.front()?.number)
    }

    pub(super) fn oldest(&self) -> Option<Instant> {
        Some(self.waiting.front()?.since)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Message, &Waiting)> {
        self.messages.iter().zip(&self.waiting)
    }

    pub(super) fn into_messages(self) -> impl Iterator<Item = (Message, Waiting)> {
        self.messages.into_iter().zip(self.waiting)
    }

    /// The first messages, at most so many.
    pub(super) fn first(&mut self, count: usize) -> &[Message] {
        let messages = self.messages.make_contiguous();
        messages.get(..count).unwrap_or(messages)
    }

    /// Tells who waits for what is stored, and keeps the rest, in order. A message without a
    /// result is not known to be stored.
    pub(super) fn settle(
        &mut self,
        topic: &Topic,
        results: Vec<Result<Position, TransportError>>,
        observe: &Observe,
    ) {
        let mut results = results.into_iter();
        let mut sent = 0;
        for (message, waiting) in std::mem::take(self).into_messages() {
            if let Some(Ok(position)) = results.next() {
                sent += 1;
                tracing::trace!(%topic, id = Envelope::id_of(&message), %position, "an event was sent");
                observe.sent(topic, &message, position);
                waiting.settle(Ok(position.to_string()));
            } else {
                self.push(message, waiting);
            }
        }
        metrics::counter!(SENT, "topic" => topic.to_string()).increment(sent);
    }

    /// Tells who waits for the first message that no attempt can succeed.
    pub(super) fn refuse_first(&mut self, topic: &Topic, error: &TransportError, observe: &Observe) {
        let (Some(message), Some(waiting)) = (self.messages.pop_front(), self.waiting.pop_front()) else {
            return;
        };
        metrics::counter!(SEND_FAILED, "topic" => topic.to_string()).increment(1);
        let text = "an event was not sent";
        let failure = Failure { kind: NOT_SENT, error: chain(error), topic, received: None, text };
        observe.failed(&failure, &message);
        waiting.settle(Err(SendError::Failed(error.clone().into())));
    }
}
