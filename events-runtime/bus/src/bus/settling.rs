//! Settles received messages, and reports the outcomes to the counters, the log and the audit lines.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::observe::{
    Action, AuditLine, CONSUMED, Consuming, DEAD_LETTERED, Failure, PARKED, PAUSED, RETRIED, SCHEMA_WAITS,
    SETTLE_FAILED, SKIPPED, record_error,
};
use super::record::FailureKind;
use super::rejections::PendingRejection;
use super::retry::{Backoff, Pause};
use super::status::Running;
use super::verdict::InboundError;
use crate::envelope::Envelope;
use events_support::error_chain::chain;
use events_transport::{
    BoxFuture, Delivery, ErrorKind, Outcome, Position, Topic, TransportError, ack_all, postpone_all,
    release_all, renew_all,
};

/// More work is started while this many calls to acknowledge are in flight, whatever their size: a sync to disk takes
/// longer than processing the next batch.
const ACKS_IN_FLIGHT: usize = 4;
/// The same for acknowledged messages: where few come at a time, and the transport stores what many calls ask for
/// together, as Kafka does by a commit, the number of calls would bound the rate.
const ACKED_IN_FLIGHT: usize = 4_096;

/// A lease renewal in flight.
pub(super) struct Renewal {
    pub(super) since: Instant,
    /// The messages, in the order of the results.
    positions: Vec<(Topic, Position)>,
    stored: BoxFuture<'static, Stored>,
}

/// A result for each outcome of one call, in order.
pub(super) type Stored = Vec<Result<(), TransportError>>;

/// The number of messages for each outcome of a consumer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Consumed {
    /// Processed by every connected receiver and acknowledged.
    pub acked: u64,
    /// Returned for another attempt after a failure.
    pub retried: u64,
    /// Kept after their last attempt, and redelivered after the longest pause.
    pub parked: u64,
    /// Not finished before the drain timeout: returned for redelivery, or redelivered when a blocking sync
    /// receiver returns or the lease ends.
    pub unfinished: u64,
    /// Sent to the dead-letter topic.
    pub dead_lettered: u64,
    /// Returned without an attempt because the signal of the event is disabled. An event counts each time.
    pub paused: u64,
    /// Skipped: of an unknown event type, without a receiver, or because every failed receiver asked for it.
    pub skipped: u64,
}

/// Settles a consumer's messages.
pub(super) struct Settling {
    pub(super) consuming: Arc<Consuming>,
    running: Arc<Running>,
    backoff: Backoff,
    pub(super) consumed: Consumed,
    /// Outcomes that the transport has not stored yet, oldest first.
    in_flight: VecDeque<Outcomes>,
    /// Those of them that acknowledge, and their messages.
    acks: usize,
    acked: usize,
    /// The positions of skipped messages that are not acknowledged yet, for their audit lines.
    skipped_positions: HashSet<Position>,
}

/// The outcomes of one call to the transport.
struct Outcomes {
    /// `None` for released messages. Skipped messages are acknowledged, too; `lines` has their own action.
    action: Option<Action>,
    /// The number of messages.
    messages: usize,
    stored: BoxFuture<'static, Stored>,
    span: Span,
    /// Empty if audit lines are off.
    lines: Vec<(Action, AuditLine)>,
}

impl Consumed {
    /// The sums of both.
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            acked: self.acked + other.acked,
            retried: self.retried + other.retried,
            parked: self.parked + other.parked,
            unfinished: self.unfinished + other.unfinished,
            dead_lettered: self.dead_lettered + other.dead_lettered,
            paused: self.paused + other.paused,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl Outcomes {
    fn is_ack(&self) -> bool {
        self.action == Some(Action::Acked)
    }
}

/// Waits until the leases are renewed; forever if no renewal is in flight. Cancel safe.
pub(super) async fn next_renewed(in_flight: &mut Option<Renewal>) -> (Renewal, Stored) {
    let Some(renewal) = in_flight else { return std::future::pending().await };
    let results = renewal.stored.as_mut().await;
    match in_flight.take() {
        Some(renewal) => (renewal, results),
        None => std::future::pending().await,
    }
}

impl Settling {
    pub(super) fn new(consuming: Arc<Consuming>, running: Arc<Running>, backoff: Backoff) -> Self {
        let (consumed, in_flight) = (Consumed::default(), VecDeque::new());
        let skipped_positions = HashSet::new();
        Self { consuming, running, backoff, consumed, in_flight, acks: 0, acked: 0, skipped_positions }
    }

    pub(super) fn topic(&self) -> &Topic {
        &self.consuming.topic
    }

    /// Reports received messages.
    pub(super) fn received(&self, deliveries: &[Delivery]) {
        if deliveries.is_empty() {
            return;
        }
        let _entered = self.consuming.receive_span(deliveries).entered();
        if self.consuming.observe.audits() {
            for line in deliveries.iter().filter_map(|delivery| self.consuming.audit_line(delivery)) {
                line.log(Action::Received);
            }
        }
    }

    /// Acknowledges deliveries. All outcomes here take effect in the order of the calls, and
    /// [`next_stored`](Self::next_stored) reports when they are stored. A slow store therefore delays
    /// neither the work nor the end of the consumer.
    pub(super) fn ack(&mut self, done: &mut Vec<Delivery>) {
        if done.is_empty() {
            return;
        }
        let lines = if self.consuming.observe.audits() { self.lines(done) } else { Vec::new() };
        let span = self.consuming.settle_span("ack", || done.iter());
        let messages = done.len();
        let stored = span.in_scope(|| ack_all(done.drain(..)));
        self.acks += 1;
        self.acked += messages;
        self.in_flight.push_back(Outcomes { action: Some(Action::Acked), messages, stored, span, lines });
    }

    /// The audit lines of deliveries, logged once they are acknowledged.
    fn lines(&mut self, done: &[Delivery]) -> Vec<(Action, AuditLine)> {
        let lines = done.iter().filter_map(|delivery| {
            let line = self.consuming.audit_line(delivery)?;
            let is_skipped = self.skipped_positions.remove(&line.position);
            Some((if is_skipped { Action::Skipped } else { Action::Acked }, line))
        });
        lines.collect()
    }

    /// Counts a skipped event, which is acknowledged like a processed one.
    pub(super) fn skipped(&mut self, delivery: &Delivery) {
        self.consumed.skipped += 1;
        self.consuming.count(SKIPPED, 1);
        if self.consuming.observe.audits() {
            self.skipped_positions.insert(delivery.position());
        }
        tracing::debug!(
            topic = %self.topic(),
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            "skipped an event"
        );
    }

    /// Whether too many acknowledgements are in flight to start more work.
    pub(super) fn is_full(&self) -> bool {
        self.acks > ACKS_IN_FLIGHT && self.acked > ACKED_IN_FLIGHT
    }

    /// Whether any message is being returned. Nothing is fetched meanwhile, since a later event of a key
    /// would overtake the returned one.
    pub(super) fn is_returning(&self) -> bool {
        self.in_flight.len() > self.acks
    }

    /// Whether the transport has stored all outcomes.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Waits until the oldest outcomes are stored and reports them; forever if none are in flight. Cancel
    /// safe.
    pub(super) async fn next_stored(&mut self) {
        let Some(Outcomes { stored, span, .. }) = self.in_flight.front_mut() else {
            return std::future::pending().await;
        };
        let results = stored.as_mut().instrument(span.clone()).await;
        let Some(outcomes) = self.in_flight.pop_front() else { return };
        if outcomes.is_ack() {
            self.acks -= 1;
            self.acked -= outcomes.messages;
        }
        let Outcomes { action, span, lines, .. } = outcomes;
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
        if count > 0 {
            self.running.settled();
            self.count_stored(action, count);
        }
    }

    fn count_stored(&mut self, action: Option<Action>, count: u64) {
        match action {
            Some(Action::Acked) => self.consuming.count(CONSUMED, count),
            Some(Action::Retried) => {
                self.consumed.retried += count;
                self.consuming.count(RETRIED, count);
            }
            Some(Action::Parked) => {
                self.consumed.parked += count;
                self.consuming.count(PARKED, count);
            }
            Some(Action::Paused) => {
                self.consumed.paused += count;
                self.consuming.count(PAUSED, count);
            }
            // Unfinished messages are counted already.
            _ => {}
        }
    }

    /// Stops waiting for the transport. It may still store the outcomes that it has; other messages are
    /// redelivered.
    pub(super) fn abandon(&mut self) {
        let calls = self.in_flight.len();
        if calls > 0 {
            self.in_flight.clear();
            (self.acks, self.acked) = (0, 0);
            tracing::warn!(topic = %self.topic(), calls, "the transport did not answer before the drain timeout; events without a stored outcome are redelivered");
        }
    }

    /// Starts renewing leases, in one call.
    pub(super) fn renew<'a>(deliveries: impl Iterator<Item = &'a Delivery>) -> Renewal {
        let mut positions = Vec::new();
        let of = |delivery: &Delivery| (delivery.topic().clone(), delivery.position());
        let stored = renew_all(deliveries.inspect(|delivery| positions.push(of(delivery))));
        Renewal { since: Instant::now(), positions, stored }
    }

    /// Logs failed renewals. Returns the messages whose lease is lost.
    pub(super) fn renewed(renewal: Renewal, results: Stored) -> HashSet<(Topic, Position)> {
        let mut lost = HashSet::new();
        for ((topic, position), result) in renewal.positions.into_iter().zip(results) {
            if let Err(error) = result {
                tracing::warn!(%topic, error = chain(&error), "failed to renew a lease");
                if error.kind() == ErrorKind::LeaseLost {
                    lost.insert((topic, position));
                }
            }
        }
        lost
    }

    /// Releases deliveries, as if they had never been fetched.
    pub(super) fn release(&mut self, deliveries: Vec<Delivery>) {
        if deliveries.is_empty() {
            return;
        }
        let span = self.consuming.settle_span("release", || deliveries.iter());
        let messages = deliveries.len();
        let stored = span.in_scope(|| release_all(deliveries));
        self.in_flight.push_back(Outcomes { action: None, messages, stored, span, lines: Vec::new() });
    }

    /// Returns deliveries without an attempt, to come again after a time.
    pub(super) fn pause(&mut self, deliveries: Vec<Delivery>, after: Duration) {
        let lines = deliveries.iter().filter_map(|delivery| self.consuming.audit_line(delivery));
        let lines = lines.map(|line| (Action::Paused, line)).collect();
        let span = self.consuming.settle_span("postpone", || deliveries.iter());
        let messages = deliveries.len();
        let stored = span.in_scope(|| postpone_all(deliveries, after));
        self.in_flight.push_back(Outcomes { action: Some(Action::Paused), messages, stored, span, lines });
    }

    /// Returns a failed delivery for another attempt after a pause.
    pub(super) fn retry(&mut self, delivery: Delivery, error: &InboundError, pause: Pause) {
        let pause = pause.duration(self.backoff.after(delivery.attempt()));
        tracing::warn!(
            topic = %self.topic(),
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            attempt = delivery.attempt(),
            ?pause,
            error = chain(error),
            "an event failed; retrying"
        );
        self.return_later(delivery, Outcome::Retry(pause), Action::Retried);
    }

    /// Returns an event that waits for its schema. No attempt is counted.
    pub(super) fn postpone(&mut self, delivery: Delivery, error: &InboundError, pause: Duration) {
        tracing::debug!(
            topic = %self.topic(),
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            ?pause,
            error = chain(error),
            "an event waits for its schema"
        );
        self.consuming.count(SCHEMA_WAITS, 1);
        self.return_later(delivery, Outcome::Postpone(pause), Action::Postponed);
    }

    /// Keeps an event whose attempts are exhausted. It is redelivered after the longest pause and blocks
    /// its key. Logged as an error the first time, like a dead letter, and as a warning after that.
    pub(super) fn park(&mut self, delivery: Delivery, error: &InboundError, is_first: bool) {
        let pause = self.backoff.max();
        let (topic, position, attempt) = (self.topic(), delivery.position(), delivery.attempt());
        let event_type = Envelope::event_type_of(delivery.message());
        let id = Envelope::id_of(delivery.message());
        let error = chain(error);
        let text = "an event is parked; it blocks its key";
        if is_first {
            tracing::error!(%topic, %position, event_type, id, attempt, ?pause, error, "{text}");
        } else {
            tracing::warn!(%topic, %position, event_type, id, attempt, ?pause, error, "{text}");
        }
        self.return_later(delivery, Outcome::Retry(pause), Action::Parked);
    }

    /// Returns an event that was not finished before the drain timeout. Its attempt counts, so that an
    /// event that always hangs becomes a dead letter eventually.
    pub(super) fn unfinished(&mut self, delivery: Delivery) {
        tracing::warn!(
            topic = %self.topic(),
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            attempt = delivery.attempt(),
            "an event was not finished before the drain timeout; it is redelivered"
        );
        self.consumed.unfinished += 1;
        self.return_later(delivery, Outcome::Retry(Duration::ZERO), Action::Unfinished);
    }

    /// Reports an event that a sync receiver still blocks when the consumer closes.
    pub(super) fn blocked(&mut self, delivery: &Delivery) {
        tracing::warn!(
            topic = %self.topic(),
            position = %delivery.position(),
            event_type = Envelope::event_type_of(delivery.message()),
            id = Envelope::id_of(delivery.message()),
            attempt = delivery.attempt(),
            "a receiver still blocks after the drain timeout; its event is redelivered when the receiver returns or the lease ends"
        );
        self.consumed.unfinished += 1;
    }

    fn return_later(&mut self, delivery: Delivery, outcome: Outcome, action: Action) {
        let lines = self.consuming.audit_line(&delivery).map(|line| (action, line)).into_iter().collect();
        let verb = if matches!(outcome, Outcome::Postpone(_)) { "postpone" } else { "retry" };
        let span = self.consuming.settle_span(verb, || std::iter::once(&delivery));
        let stored = span.in_scope(|| delivery.settle(outcome));
        let stored = Box::pin(async move { vec![stored.await] });
        self.in_flight.push_back(Outcomes { action: Some(action), messages: 1, stored, span, lines });
    }

    /// Rejects a delivery. That takes effect now; the result is awaited beside other work.
    pub(super) fn reject(&self, delivery: Delivery, error: InboundError) -> PendingRejection {
        let message = delivery.message().clone();
        let (topic, position, attempt) = (delivery.topic().clone(), delivery.position(), delivery.attempt());
        let line = self.consuming.audit_line(&delivery);
        let span = self.consuming.settle_span("reject", || std::iter::once(&delivery));
        let stored = span.in_scope(|| delivery.reject(error.rejection()));
        let stored = Box::pin(stored.instrument(span.clone()));
        PendingRejection { topic, message, position, attempt, error, line, span, stored }
    }

    /// Reports a rejected delivery. Returns `false` if the rejection could not be stored: the message is
    /// redelivered.
    pub(super) fn rejected(
        &mut self,
        rejection: PendingRejection,
        result: &Result<(), TransportError>,
    ) -> bool {
        let PendingRejection { message, position, attempt, error, line, span, .. } = rejection;
        let stored = self.stored(result, &span);
        if stored {
            self.running.settled();
            self.consumed.dead_lettered += 1;
            self.consuming.count(DEAD_LETTERED, 1);
            let Consuming { observe, topic, transport, group, .. } = &*self.consuming;
            let received = Some((group, position, attempt));
            let text = "an event was moved to the dead letters";
            let error = chain(&error);
            let failure = Failure { kind: FailureKind::Rejected, error, topic, transport, received, text };
            observe.failed(&failure, &message);
        }
        if let Some(line) = line.filter(|_| stored) {
            line.log(Action::DeadLettered);
        }
        stored
    }

    /// Reports the result of storing an outcome. If it failed, the event is redelivered, so nothing is
    /// lost.
    fn stored(&mut self, result: &Result<(), TransportError>, span: &Span) -> bool {
        if let Err(error) = result {
            record_error(span, error.kind().as_str());
            self.consuming.count(SETTLE_FAILED, 1);
            tracing::warn!(topic = %self.topic(), error = chain(error), "failed to store an outcome; the event is redelivered");
        }
        result.is_ok()
    }
}
