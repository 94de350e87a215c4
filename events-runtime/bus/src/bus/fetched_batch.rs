//! The messages that a consumer has fetched and not settled.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::in_flight::InFlight;
use super::rejections::Rejections;
use super::settling::Renewal;
use events_transport::{Delivery, Later as _, ack_all, release_all};

/// The fetched and unsettled messages of a consumer.
pub(super) struct FetchedBatch {
    pub(super) in_flight: InFlight,
    pub(super) rejections: Rejections,
    /// Not started, in the order received.
    pub(super) waiting: VecDeque<Delivery>,
    /// Processed by every receiver, not acknowledged yet.
    pub(super) done: Vec<Delivery>,
    /// When the oldest lease must be renewed: after a third of its duration.
    renew_at: Instant,
    lease: Duration,
    /// The renewal in flight.
    pub(super) renewal: Option<Renewal>,
    /// The drain timeout has passed.
    pub(super) is_past_deadline: bool,
}

impl FetchedBatch {
    pub(super) fn new(concurrency: usize, batch_size: usize, lease: Duration) -> Self {
        Self {
            in_flight: InFlight::new(concurrency),
            rejections: Rejections::new(batch_size),
            waiting: VecDeque::new(),
            done: Vec::new(),
            renew_at: Instant::now(),
            lease,
            renewal: None,
            is_past_deadline: false,
        }
    }

    /// Whether another message may be started.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight.has_room() && self.rejections.has_room()
    }

    /// Whether any waiting message is not blocked by a pending rejection.
    pub(super) fn may_start(&self) -> bool {
        self.waiting.iter().any(|delivery| self.rejections.admits(delivery))
    }

    /// Whether a message may be started: no message of its key is in flight or being rejected.
    pub(super) fn admits(&self, delivery: &Delivery) -> bool {
        self.in_flight.admits(delivery) && self.rejections.admits(delivery)
    }

    pub(super) fn add(&mut self, deliveries: Vec<Delivery>) {
        if self.in_flight.is_empty() && self.waiting.is_empty() {
            self.leased(Instant::now());
        }
        if self.waiting.is_empty() {
            // Without a copy.
            self.waiting = deliveries.into();
        } else {
            self.waiting.extend(deliveries);
        }
    }

    /// The oldest lease began at this time.
    pub(super) fn leased(&mut self, since: Instant) {
        self.renew_at = since.later(self.lease / 3);
    }

    /// When the leases must be renewed; `None` if there are none or they are being renewed.
    pub(super) fn due(&self) -> Option<Instant> {
        let holds = self.renewal.is_none() && (!self.in_flight.is_empty() || !self.waiting.is_empty());
        holds.then_some(self.renew_at)
    }
}

/// A consumer's future may be dropped at any time: finished messages are acknowledged and waiting ones
/// released, as if they had never been fetched.
impl Drop for FetchedBatch {
    fn drop(&mut self) {
        // Both take effect when called; their results have no reader.
        drop(ack_all(self.done.drain(..)));
        drop(release_all(self.waiting.drain(..)));
    }
}
