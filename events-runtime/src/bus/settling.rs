//! What becomes of a received message, told to the transport, the counters and the log.

use std::collections::VecDeque;
use std::time::Duration;

use super::error::{InboundError, chain};
use super::retry::{Backoff, Pause};
use crate::envelope::Envelope;
use crate::transport::{BoxFuture, Delivery, ErrorKind, Topic, TransportError, ack_all};

/// So many batches of acknowledgements may be on their way to the transport: forcing one to the
/// disk takes longer than working through the next.
const ACKS_UNDER_WAY: usize = 4;

/// A lease that is being renewed.
type Renewal = BoxFuture<'static, Result<(), TransportError>>;

/// What a consumer has done, in messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Consumed {
    /// Taken by every receiver there is and acknowledged; where there is none, the log says so once.
    pub acked: u64,
    /// Handed back after a failure, to come again.
    pub retried: u64,
    /// Kept after their last attempt, to come again after the longest pause.
    pub parked: u64,
    /// Handed back because their receivers had not ended when the drain timeout was over.
    pub unfinished: u64,
    /// Sent to the dead-letter topic.
    pub dead_lettered: u64,
    /// Passed over: of an unknown event type, or because every receiver that failed said so.
    pub skipped: u64,
}

/// A consumer's outcomes.
pub(super) struct Settling {
    topic: Topic,
    backoff: Backoff,
    pub(super) consumed: Consumed,
    /// Acknowledgements on their way to the transport, oldest first.
    acks: VecDeque<BoxFuture<'static, Vec<Result<(), TransportError>>>>,
}

impl Settling {
    pub(super) fn new(topic: Topic, backoff: Backoff) -> Self {
        Self { topic, backoff, consumed: Consumed::default(), acks: VecDeque::new() }
    }

    pub(super) fn topic(&self) -> &Topic {
        &self.topic
    }

    /// Acknowledges a run of deliveries. That takes effect in the order of the calls; what is
    /// awaited here is only that the oldest of them are stored.
    pub(super) async fn ack(&mut self, done: &mut Vec<Delivery>) {
        if done.is_empty() {
            return;
        }
        metrics::counter!("events_consumed_total", "topic" => self.topic.to_string())
            .increment(done.len() as u64);
        self.acks.push_back(ack_all(done.drain(..)));
        self.wait_for_acks(ACKS_UNDER_WAY).await;
    }

    /// Counts an event that is passed over; it is acknowledged as if it were done.
    pub(super) fn skipped(&mut self, delivery: &Delivery) {
        self.consumed.skipped += 1;
        metrics::counter!("events_skipped_total", "topic" => self.topic.to_string()).increment(1);
        tracing::debug!(
            topic = %self.topic,
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            "an event is passed over"
        );
    }

    /// Waits until at most so many batches of acknowledgements are under way.
    pub(super) async fn wait_for_acks(&mut self, at_most: usize) {
        while self.acks.len() > at_most
            && let Some(acks) = self.acks.pop_front()
        {
            for result in acks.await {
                self.stored(&result);
            }
        }
    }

    /// Waits until leases are renewed; `false` where one was lost.
    pub(super) async fn renewed(&mut self, renewals: Vec<Renewal>) -> bool {
        let mut kept = true;
        for renewal in renewals {
            if let Err(error) = renewal.await {
                kept &= error.kind() != ErrorKind::LeaseLost;
                tracing::warn!(topic = %self.topic, error = chain(&error), "a lease was not renewed");
            }
        }
        kept
    }

    /// Hands a delivery back behind an earlier one of its key.
    pub(super) async fn release(&mut self, delivery: Delivery) {
        let result = delivery.release().await;
        self.stored(&result);
    }

    /// Hands a failed delivery back, to come again after a pause.
    pub(super) async fn retry(&mut self, delivery: Delivery, error: &InboundError, pause: Pause) {
        let pause = pause.or(self.backoff.after(delivery.attempt()));
        tracing::warn!(
            topic = %self.topic,
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            attempt = delivery.attempt(),
            ?pause,
            error = chain(error),
            "an event failed and comes again"
        );
        let result = delivery.retry(pause).await;
        if self.stored(&result) {
            self.consumed.retried += 1;
            metrics::counter!("events_retried_total", "topic" => self.topic.to_string()).increment(1);
        }
    }

    /// Keeps an event whose attempts are used up, to come again after the longest pause; its key
    /// waits behind it.
    pub(super) async fn park(&mut self, delivery: Delivery, error: &InboundError) {
        let pause = self.backoff.max();
        tracing::error!(
            topic = %self.topic,
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            attempt = delivery.attempt(),
            ?pause,
            error = chain(error),
            "an event is parked, and its key with it"
        );
        let result = delivery.retry(pause).await;
        if self.stored(&result) {
            self.consumed.parked += 1;
            metrics::counter!("events_parked_total", "topic" => self.topic.to_string()).increment(1);
        }
    }

    /// Hands back an event whose receivers had not ended when the consumer's time was over. It was
    /// begun, so its attempt counts: one that hangs is given up in the end.
    pub(super) async fn cut_short(&mut self, delivery: Delivery) {
        tracing::warn!(
            topic = %self.topic,
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            attempt = delivery.attempt(),
            "an event was not finished before the drain timeout and comes again"
        );
        let result = delivery.retry(Duration::ZERO).await;
        if self.stored(&result) {
            self.consumed.unfinished += 1;
        }
    }

    /// Gives a delivery up; `false` where that could not be stored and it comes again.
    pub(super) async fn reject(&mut self, delivery: Delivery, error: &InboundError) -> bool {
        tracing::error!(
            topic = %self.topic,
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            attempt = delivery.attempt(),
            error = chain(error),
            "an event is given up for the dead letters"
        );
        let result = delivery.reject(error.rejection()).await;
        let stored = self.stored(&result);
        if stored {
            self.consumed.dead_lettered += 1;
            metrics::counter!("events_dead_lettered_total", "topic" => self.topic.to_string()).increment(1);
        }
        stored
    }

    /// An outcome that could not be stored: the event comes again, which is no loss.
    fn stored(&mut self, result: &Result<(), TransportError>) -> bool {
        if let Err(error) = result {
            metrics::counter!("events_settle_failed_total", "topic" => self.topic.to_string()).increment(1);
            tracing::warn!(topic = %self.topic, error = chain(error), "an outcome was not stored; the event comes again");
        }
        result.is_ok()
    }
}
