//! The end of a consumer: finishes what is in flight.

use std::time::Duration;

use tokio::time::Instant;

use super::{Worker, sleep_until};
use crate::bus::fetched_batch::FetchedBatch;
use crate::bus::settling::next_renewed;
use events_transport::Later as _;

/// After the drain timeout, the transport has this long to store the outcomes of cancelled work and to
/// close the consumer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The same, if the transport has not answered earlier calls.
const CLOSE_TIMEOUT_SILENT: Duration = Duration::from_millis(100);

impl Worker {
    /// Releases waiting messages and finishes those in flight; messages that take longer than the drain
    /// timeout are redelivered. Returns the deadline for closing the consumer.
    pub(super) async fn drain(&mut self, batch: &mut FetchedBatch) -> Option<Instant> {
        self.release_waiting(batch);
        let ends_at = self.settings.drain_timeout.map(|timeout| Instant::now().later(timeout));
        if self.finish(batch, ends_at).await {
            return ends_at.map(|ends_at| ends_at.max(Instant::now() + CLOSE_TIMEOUT));
        }
        let is_responsive = self.topics.is_idle() && batch.rejections.is_empty();
        let close_by = Instant::now() + if is_responsive { CLOSE_TIMEOUT } else { CLOSE_TIMEOUT_SILENT };
        batch.is_past_deadline = true;
        for delivery in batch.in_flight.cancel() {
            self.topics.settling(delivery.topic()).unfinished(delivery);
        }
        if !self.finish(batch, Some(close_by)).await {
            for delivery in batch.in_flight.deliveries() {
                self.topics.settling(delivery.topic()).blocked(delivery);
            }
            self.topics.abandon();
        }
        Some(close_by)
    }

    /// Waits until nothing is in flight and all outcomes are stored, or until the deadline. Returns whether
    /// it finished.
    async fn finish(&mut self, batch: &mut FetchedBatch, ends_at: Option<Instant>) -> bool {
        loop {
            self.topics.ack(&mut batch.done);
            if batch.in_flight.is_empty() && batch.rejections.is_empty() && self.topics.is_idle() {
                return true;
            }
            self.renew_leases(batch, Instant::now());
            let due = batch.due();
            tokio::select! {
                biased;
                (rejection, result) = batch.rejections.next() => self.rejected(rejection, &result, batch),
                // The consumer is already ending, so another error changes nothing.
                (delivery, verdict) = batch.in_flight.next() => drop(self.settle(delivery, verdict, batch)),
                (renewal, results) = next_renewed(&mut batch.renewal) => self.renewed(renewal, results, batch),
                () = self.topics.next_stored() => {}
                () = sleep_until(due) => {}
                () = sleep_until(ends_at) => return false,
            }
        }
    }
}
