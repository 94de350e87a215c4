//! Settles messages by their verdicts, and renews leases.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{ConsumeError, Worker};
use crate::bus::fetched_batch::FetchedBatch;
use crate::bus::rejections::PendingRejection;
use crate::bus::settling::{Renewal, Settling, Stored};
use crate::bus::topics::ConsumedTopic;
use crate::bus::verdict::{InboundError, Verdict};
use crate::config::Exhausted;
use crate::envelope::Envelope;
use events_support::error_chain::chain;
use events_transport::{Delivery, Topic, TransportError};

impl Worker {
    pub(super) fn settle(
        &mut self,
        mut delivery: Delivery,
        verdict: Verdict,
        batch: &mut FetchedBatch,
    ) -> Result<(), ConsumeError> {
        let (error, pause) = match verdict {
            Verdict::Done | Verdict::DoneWith(_) | Verdict::Skip => {
                self.consecutive_errors = 0;
                let settling = self.topics.settling(delivery.topic());
                match verdict {
                    Verdict::Skip => settling.skipped(&delivery),
                    _ => settling.consumed.acked += 1,
                }
                if let Verdict::DoneWith(outputs) = verdict {
                    delivery.add_outputs(outputs);
                }
                batch.done.push(delivery);
                return Ok(());
            }
            Verdict::Pause { event_type, after } => {
                self.topics.ack(&mut batch.done);
                self.pause(delivery, event_type, after, batch);
                return Ok(());
            }
            Verdict::Stop(stop) => {
                self.topics.ack(&mut batch.done);
                let error = ConsumeError::stopped(stop, &delivery);
                self.topics.settling(&delivery.topic().clone()).release(vec![delivery]);
                return Err(error);
            }
            Verdict::Retry(InboundError::Interrupted(_), _) if batch.is_past_deadline => {
                self.topics.settling(delivery.topic()).unfinished(delivery);
                return Ok(());
            }
            Verdict::Wait(error, pause) => {
                self.postpone(delivery, &error, pause, batch);
                return Ok(());
            }
            Verdict::Retry(error, pause) => (error, Some(pause)),
            Verdict::Reject(error) => (error, None),
        };
        // Earlier messages of the key are settled first.
        self.topics.ack(&mut batch.done);
        let counted = self.count_failure(delivery.topic(), &error);
        let (topic, key) = (delivery.topic().clone(), delivery.message().key.clone());
        let ConsumedTopic { settling, settings, .. } = self.topics.of_mut(&topic);
        match pause {
            Some(pause) if delivery.attempt() < settings.max_attempts => {
                settling.retry(delivery, &error, pause);
            }
            Some(_) if settings.exhausted == Exhausted::Park => {
                let is_first = delivery.attempt() == settings.max_attempts;
                settling.park(delivery, &error, is_first);
            }
            _ => {
                batch.rejections.push(settling.reject(delivery, error));
                return counted;
            }
        }
        self.release_key(&topic, key.as_ref(), batch);
        counted
    }

    /// Returns a message that waits for its schema, and the later ones of its key. Not a failure of the event.
    fn postpone(
        &mut self,
        delivery: Delivery,
        error: &InboundError,
        pause: Duration,
        batch: &mut FetchedBatch,
    ) {
        // Earlier messages of the key are settled first.
        self.topics.ack(&mut batch.done);
        let (topic, key) = (delivery.topic().clone(), delivery.message().key.clone());
        self.topics.settling(&topic).postpone(delivery, error, pause);
        self.release_key(&topic, key.as_ref(), batch);
    }

    /// Continues after a message became a dead letter.
    pub(super) fn rejected(
        &mut self,
        rejection: PendingRejection,
        result: &Result<(), TransportError>,
        batch: &mut FetchedBatch,
    ) {
        let (topic, key) = (rejection.topic.clone(), rejection.key().cloned());
        if !self.topics.settling(&topic).rejected(rejection, result) {
            self.release_key(&topic, key.as_ref(), batch);
        }
    }

    /// Postpones a message of a disabled event type, and with it the waiting ones of this type. Waiting messages
    /// behind them of the same keys are released. Messages before them go on.
    fn pause(&mut self, delivery: Delivery, event_type: &str, after: Duration, batch: &mut FetchedBatch) {
        let topic = delivery.topic().clone();
        let mut paused_keys: HashSet<_> = delivery.message().key.iter().cloned().collect();
        let mut started_keys = HashSet::new();
        let (mut paused, mut behind, mut others) = (vec![delivery], Vec::new(), VecDeque::new());
        for waiting in std::mem::take(&mut batch.waiting) {
            let key = waiting.message().key.clone();
            let is_behind = key.as_ref().is_some_and(|key| paused_keys.contains(key));
            let is_blocked =
                !batch.admits(&waiting) || key.as_ref().is_some_and(|key| started_keys.contains(key));
            let is_paused = Envelope::event_type_of(waiting.message()) == Some(event_type);
            if *waiting.topic() != topic {
                others.push_back(waiting);
            } else if is_paused && (is_behind || !is_blocked) {
                paused_keys.extend(key);
                paused.push(waiting);
            } else if is_behind {
                behind.push(waiting);
            } else {
                started_keys.extend(key);
                others.push_back(waiting);
            }
        }
        batch.waiting = others;
        let ConsumedTopic { settling, running, .. } = self.topics.of_mut(&topic);
        running.not_waiting(paused.len() - 1);
        settling.pause(paused, after);
        self.topics.release_waiting(behind);
    }

    /// Releases the waiting messages of a failed message's key.
    fn release_key(&mut self, topic: &Topic, key: Option<&Bytes>, batch: &mut FetchedBatch) {
        if key.is_none() {
            return;
        }
        let is_of_key =
            |delivery: &Delivery| delivery.message().key.as_ref() == key && delivery.topic() == topic;
        let (held, others): (Vec<_>, _) = batch.waiting.drain(..).partition(is_of_key);
        batch.waiting = others.into();
        self.topics.release_waiting(held);
    }

    fn count_failure(&mut self, topic: &Topic, error: &InboundError) -> Result<(), ConsumeError> {
        self.consecutive_errors = self.consecutive_errors.saturating_add(1);
        match self.settings.max_consecutive_errors {
            Some(max) if self.consecutive_errors >= max.get() => Err(ConsumeError::TooManyErrors {
                topic: topic.clone(),
                failed: self.consecutive_errors,
                last: chain(error),
            }),
            _ => Ok(()),
        }
    }

    /// Renews the leases if they are due.
    ///
    /// Without concurrency, a sync receiver blocks the consumer's own task and no lease is renewed
    /// meanwhile. So leases are checked before the next message starts.
    pub(super) fn renew_leases(&mut self, batch: &mut FetchedBatch, now: Instant) {
        if batch.due().is_none_or(|due| due > now) {
            return;
        }
        self.topics.ack(&mut batch.done);
        batch.renewal = Some(Settling::renew(batch.in_flight.deliveries().chain(&batch.waiting)));
    }

    /// Continues after a renewal. If the lease of an unsettled message was lost, other members may have it
    /// and the rest of its topic's batch by now, so that is dropped.
    pub(super) fn renewed(&mut self, renewal: Renewal, results: Stored, batch: &mut FetchedBatch) {
        let since = renewal.since;
        let lost = Settling::renewed(renewal, results);
        batch.leased(since);
        if lost.is_empty() {
            return;
        }
        let held = batch.in_flight.deliveries().chain(&batch.waiting);
        let topics: HashSet<Topic> = held
            .filter(|delivery| lost.contains(&(delivery.topic().clone(), delivery.position())))
            .map(|delivery| delivery.topic().clone())
            .collect();
        if topics.is_empty() {
            return;
        }
        // Messages whose lease was lost belong to another member; the others were never started.
        self.topics.ack(&mut batch.done);
        let is_dropped = |delivery: &Delivery| topics.contains(delivery.topic());
        let (dropped, others): (Vec<_>, _) = batch.waiting.drain(..).partition(is_dropped);
        batch.waiting = others.into();
        self.topics.release_waiting(dropped);
        batch.in_flight.abandon(&topics);
    }

    /// Acknowledges finished messages and releases waiting ones, as if they had never been fetched.
    pub(super) fn release_waiting(&mut self, batch: &mut FetchedBatch) {
        self.topics.ack(&mut batch.done);
        self.topics.release_waiting(batch.waiting.drain(..).collect());
    }
}
