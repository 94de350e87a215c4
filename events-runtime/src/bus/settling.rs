//! What becomes of a received message, told to the transport, the counters and the log.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument, Span};

use super::error::{InboundError, chain};
use super::observe::{
    Action, CONSUMED, Consuming, DEAD_LETTERED, Failure, GIVEN_UP, Noted, PARKED, RETRIED, SETTLE_FAILED,
    SKIPPED, record_error,
};
use super::rejections::Rejection;
use super::retry::{Backoff, Pause};
use crate::envelope::Envelope;
use crate::transport::{BoxFuture, Delivery, ErrorKind, Position, Topic, TransportError, ack_all};

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
    pub(super) consuming: Arc<Consuming>,
    backoff: Backoff,
    pub(super) consumed: Consumed,
    /// Acknowledgements on their way to the transport, oldest first.
    acks: VecDeque<Acks>,
    /// Where messages stand that were passed over and are not acknowledged yet, for their audit lines.
    passed_over: HashSet<Position>,
}

/// Acknowledgements on their way to the transport.
struct Acks {
    stored: BoxFuture<'static, Vec<Result<(), TransportError>>>,
    span: Span,
    /// The audit lines; none where nobody reads them.
    lines: Vec<(Action, Noted)>,
}

impl Settling {
    pub(super) fn new(consuming: Arc<Consuming>, backoff: Backoff) -> Self {
        let (consumed, acks) = (Consumed::default(), VecDeque::new());
        Self { consuming, backoff, consumed, acks, passed_over: HashSet::new() }
    }

    pub(super) fn topic(&self) -> &Topic {
        &self.consuming.topic
    }

    /// Tells of messages that came.
    pub(super) fn received(&self, deliveries: &[Delivery]) {
        if deliveries.is_empty() {
            return;
        }
        let _entered = self.consuming.receive_span(deliveries).entered();
        if self.consuming.observe.audits() {
            for line in deliveries.iter().filter_map(|delivery| self.consuming.noted(delivery)) {
                line.log(Action::Received);
            }
        }
    }

    /// Acknowledges a run of deliveries. That takes effect in the order of the calls; what is
    /// awaited here is only that the oldest of them are stored.
    pub(super) async fn ack(&mut self, done: &mut Vec<Delivery>) {
        if done.is_empty() {
            return;
        }
        let lines = if self.consuming.observe.audits() { self.lines(done) } else { Vec::new() };
        let span = self.consuming.settle_span("ack", || done.iter());
        let stored = span.in_scope(|| ack_all(done.drain(..)));
        self.acks.push_back(Acks { stored, span, lines });
        self.wait_for_acks(ACKS_UNDER_WAY).await;
    }

    /// What the audit lines of deliveries say once they are acknowledged.
    fn lines(&mut self, done: &[Delivery]) -> Vec<(Action, Noted)> {
        let lines = done.iter().filter_map(|delivery| {
            let line = self.consuming.noted(delivery)?;
            let passed_over = self.passed_over.remove(&line.position);
            Some((if passed_over { Action::Skipped } else { Action::Acked }, line))
        });
        lines.collect()
    }

    /// Counts an event that is passed over; it is acknowledged as if it were done.
    pub(super) fn skipped(&mut self, delivery: &Delivery) {
        self.consumed.skipped += 1;
        self.consuming.count(SKIPPED, 1);
        if self.consuming.observe.audits() {
            self.passed_over.insert(delivery.position());
        }
        tracing::debug!(
            topic = %self.topic(),
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            "an event is passed over"
        );
    }

    /// Waits until at most so many batches of acknowledgements are under way.
    pub(super) async fn wait_for_acks(&mut self, at_most: usize) {
        while self.acks.len() > at_most {
            self.next_stored().await;
        }
    }

    /// Waits until the oldest batch of acknowledgements is stored, and tells of it; for ever where none is
    /// under way. Dropping the wait loses nothing.
    pub(super) async fn next_stored(&mut self) {
        let Some(Acks { stored, span, .. }) = self.acks.front_mut() else {
            return std::future::pending().await;
        };
        let results = stored.as_mut().instrument(span.clone()).await;
        let Some(Acks { span, lines, .. }) = self.acks.pop_front() else { return };
        let mut lines = lines.into_iter();
        let mut count = 0;
        for result in results {
            let line = lines.next();
            if self.stored(&result, &span) {
                count += 1;
                if let Some((action, line)) = line {
                    line.log(action);
                }
            }
        }
        self.consuming.count(CONSUMED, count);
    }

    /// Waits until leases are renewed; `false` where one was lost.
    pub(super) async fn renewed(&mut self, renewals: Vec<Renewal>) -> bool {
        let mut kept = true;
        for renewal in renewals {
            if let Err(error) = renewal.await {
                kept &= error.kind() != ErrorKind::LeaseLost;
                tracing::warn!(topic = %self.topic(), error = chain(&error), "a lease was not renewed");
            }
        }
        kept
    }

    /// Hands a delivery back behind an earlier one of its key.
    pub(super) async fn release(&mut self, delivery: Delivery) {
        let span = self.consuming.settle_span("release", || std::iter::once(&delivery));
        let result = span.in_scope(|| delivery.release()).instrument(span.clone()).await;
        self.stored(&result, &span);
    }

    /// Hands a failed delivery back, to come again after a pause.
    pub(super) async fn retry(&mut self, delivery: Delivery, error: &InboundError, pause: Pause) {
        let pause = pause.or(self.backoff.after(delivery.attempt()));
        tracing::warn!(
            topic = %self.topic(),
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            attempt = delivery.attempt(),
            ?pause,
            error = chain(error),
            "an event failed and comes again"
        );
        if self.comes_again(delivery, pause, Action::Retried).await {
            self.consumed.retried += 1;
            self.consuming.count(RETRIED, 1);
        }
    }

    /// Keeps an event whose attempts are used up, to come again after the longest pause; its key
    /// waits behind it.
    pub(super) async fn park(&mut self, delivery: Delivery, error: &InboundError) {
        let pause = self.backoff.max();
        tracing::error!(
            topic = %self.topic(),
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            attempt = delivery.attempt(),
            ?pause,
            error = chain(error),
            "an event is parked, and its key with it"
        );
        if self.comes_again(delivery, pause, Action::Parked).await {
            self.consumed.parked += 1;
            self.consuming.count(PARKED, 1);
        }
    }

    /// Hands back an event whose receivers had not ended when the consumer's time was over. It was
    /// begun, so its attempt counts: one that hangs is given up in the end.
    pub(super) async fn cut_short(&mut self, delivery: Delivery) {
        tracing::warn!(
            topic = %self.topic(),
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            attempt = delivery.attempt(),
            "an event was not finished before the drain timeout and comes again"
        );
        if self.comes_again(delivery, Duration::ZERO, Action::Unfinished).await {
            self.consumed.unfinished += 1;
        }
    }

    /// Hands a delivery back; whether that is stored.
    async fn comes_again(&mut self, delivery: Delivery, pause: Duration, action: Action) -> bool {
        let line = self.consuming.noted(&delivery);
        let span = self.consuming.settle_span("retry", || std::iter::once(&delivery));
        let result = span.in_scope(|| delivery.retry(pause)).instrument(span.clone()).await;
        let stored = self.stored(&result, &span);
        if let Some(line) = line.filter(|_| stored) {
            line.log(action);
        }
        stored
    }

    /// Gives a delivery up. That takes effect now; what became of it is awaited beside other work.
    pub(super) fn reject(&self, delivery: Delivery, error: InboundError) -> Rejection {
        let message = delivery.message().clone();
        let (position, attempt) = (delivery.position(), delivery.attempt());
        let line = self.consuming.noted(&delivery);
        let span = self.consuming.settle_span("reject", || std::iter::once(&delivery));
        let stored = span.in_scope(|| delivery.reject(error.rejection()));
        let stored = Box::pin(stored.instrument(span.clone()));
        Rejection { message, position, attempt, error, line, span, stored }
    }

    /// Tells what became of a delivery that was given up; `false` where that could not be stored and it
    /// comes again.
    pub(super) fn rejected(&mut self, rejection: Rejection, result: &Result<(), TransportError>) -> bool {
        let Rejection { message, position, attempt, error, line, span, .. } = rejection;
        let stored = self.stored(result, &span);
        if stored {
            self.consumed.dead_lettered += 1;
            self.consuming.count(DEAD_LETTERED, 1);
            let Consuming { observe, topic, group, .. } = &*self.consuming;
            let received = Some((group, position, attempt));
            let text = "an event is given up for the dead letters";
            let error = chain(&error);
            observe.failed(&Failure { kind: GIVEN_UP, error, topic, received, text }, &message);
        }
        if let Some(line) = line.filter(|_| stored) {
            line.log(Action::DeadLettered);
        }
        stored
    }

    /// An outcome that could not be stored: the event comes again, which is no loss.
    fn stored(&mut self, result: &Result<(), TransportError>, span: &Span) -> bool {
        if let Err(error) = result {
            record_error(span, error.kind().as_str());
            self.consuming.count(SETTLE_FAILED, 1);
            tracing::warn!(topic = %self.topic(), error = chain(error), "an outcome was not stored; the event comes again");
        }
        result.is_ok()
    }
}
