//! Settles messages by their verdicts, and renews leases.

use bytes::Bytes;

use super::{ConsumeError, Worker};
use crate::bus::fetched_batch::FetchedBatch;
use crate::bus::rejections::PendingRejection;
use crate::bus::settling::{Renewal, Settling, Stored};
use crate::bus::verdict::{InboundError, Verdict};
use crate::config::Exhausted;
use events_support::error_chain::chain;
use events_transport::{Delivery, TransportError};

impl Worker {
    pub(super) fn settle(
        &mut self,
        delivery: Delivery,
        verdict: Verdict,
        batch: &mut FetchedBatch,
    ) -> Result<(), ConsumeError> {
        let (error, pause) = match verdict {
            Verdict::Done | Verdict::Skip => {
                self.consecutive_errors = 0;
                match verdict {
                    Verdict::Done => self.settling.consumed.acked += 1,
                    _ => self.settling.skipped(&delivery),
                }
                batch.done.push(delivery);
                return Ok(());
            }
            Verdict::Stop { event_type } => {
                self.settling.ack(&mut batch.done);
                self.settling.release(vec![delivery]);
                return Err(ConsumeError::UnknownEvent { event_type });
            }
            Verdict::Retry(InboundError::Interrupted(_), _) if batch.is_past_deadline => {
                self.settling.unfinished(delivery);
                return Ok(());
            }
            Verdict::Retry(error, pause) => (error, Some(pause)),
            Verdict::Reject(error) => (error, None),
        };
        // Earlier messages of the key are settled first.
        self.settling.ack(&mut batch.done);
        let counted = self.count_failure(&error);
        let key = delivery.message().key.clone();
        match pause {
            Some(pause) if delivery.attempt() < self.settings.max_attempts => {
                self.settling.retry(delivery, &error, pause);
            }
            Some(_) if self.settings.exhausted == Exhausted::Park => {
                let is_first = delivery.attempt() == self.settings.max_attempts;
                self.settling.park(delivery, &error, is_first);
            }
            _ => {
                batch.rejections.push(self.settling.reject(delivery, error));
                return counted;
            }
        }
        self.release_key(key.as_ref(), batch);
        counted
    }

    /// Continues after a message became a dead letter.
    pub(super) fn rejected(
        &mut self,
        rejection: PendingRejection,
        result: &Result<(), TransportError>,
        batch: &mut FetchedBatch,
    ) {
        let key = rejection.key().cloned();
        if !self.settling.rejected(rejection, result) {
            self.release_key(key.as_ref(), batch);
        }
    }

    /// Releases the waiting messages of a failed message's key.
    fn release_key(&mut self, key: Option<&Bytes>, batch: &mut FetchedBatch) {
        if key.is_none() {
            return;
        }
        let (held, others): (Vec<_>, _) =
            batch.waiting.drain(..).partition(|delivery| delivery.message().key.as_ref() == key);
        batch.waiting = others.into();
        self.settling.release(held);
    }

    fn count_failure(&mut self, error: &InboundError) -> Result<(), ConsumeError> {
        self.consecutive_errors = self.consecutive_errors.saturating_add(1);
        match self.settings.max_consecutive_errors {
            Some(max) if self.consecutive_errors >= max.get() => Err(ConsumeError::TooManyErrors {
                topic: self.settling.topic().clone(),
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
    pub(super) fn renew_leases(&mut self, batch: &mut FetchedBatch) {
        if batch.due(self.settings.lease).is_none_or(|due| !due.is_zero()) {
            return;
        }
        self.settling.ack(&mut batch.done);
        batch.renewal = Some(Settling::renew(batch.in_flight.deliveries().chain(&batch.waiting)));
    }

    /// Continues after a renewal. If the lease of an unsettled message was lost, other members may have it
    /// and the rest of the batch by now, so the whole batch is dropped.
    pub(super) fn renewed(&mut self, renewal: Renewal, results: Stored, batch: &mut FetchedBatch) {
        let since = renewal.since;
        let lost = self.settling.renewed(renewal, results);
        let is_lost = |delivery: &Delivery| lost.contains(&delivery.position());
        if batch.in_flight.deliveries().chain(&batch.waiting).any(is_lost) {
            // Messages whose lease was lost belong to another member; the others were never started.
            self.release_waiting(batch);
            batch.in_flight.abandon();
        } else {
            batch.leased = since;
        }
    }

    /// Acknowledges finished messages and releases waiting ones, as if they had never been fetched.
    pub(super) fn release_waiting(&mut self, batch: &mut FetchedBatch) {
        self.settling.ack(&mut batch.done);
        self.settling.release(batch.waiting.drain(..).collect());
    }
}
