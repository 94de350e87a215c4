//! The messages that a consumer has fetched and not settled.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::in_flight::InFlight;
use super::rejections::Rejections;
use super::settling::Renewal;
use crate::transport::{Delivery, ack_all, release_all};

/// What was fetched and is not settled.
pub(super) struct FetchedBatch {
    pub(super) in_flight: InFlight,
    pub(super) rejections: Rejections,
    /// Not begun, in the order they came.
    pub(super) waiting: VecDeque<Delivery>,
    /// Taken by every receiver, not acknowledged yet.
    pub(super) done: Vec<Delivery>,
    /// When the leases began, the oldest of them.
    pub(super) leased: Instant,
    /// The leases that are being renewed.
    pub(super) renewal: Option<Renewal>,
    /// The time of what is at work is over.
    pub(super) is_cut_short: bool,
}

impl FetchedBatch {
    pub(super) fn new(concurrency: usize, batch_size: usize) -> Self {
        Self {
            in_flight: InFlight::new(concurrency),
            rejections: Rejections::new(batch_size),
            waiting: VecDeque::new(),
            done: Vec::new(),
            leased: Instant::now(),
            renewal: None,
            is_cut_short: false,
        }
    }

    /// Whether one more message may be started.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight.has_room() && self.rejections.has_room()
    }

    /// Whether anything waits but for what is being given up.
    pub(super) fn may_start(&self) -> bool {
        self.waiting.iter().any(|delivery| self.rejections.admits(delivery))
    }

    /// Whether a message may be started: none of its key is at work or being given up.
    pub(super) fn admits(&self, delivery: &Delivery) -> bool {
        self.in_flight.admits(delivery) && self.rejections.admits(delivery)
    }

    pub(super) fn add(&mut self, deliveries: Vec<Delivery>) {
        if self.in_flight.is_empty() && self.waiting.is_empty() {
            self.leased = Instant::now();
        }
        self.waiting.extend(deliveries);
    }

    /// How long until the leases must be renewed, where there are any that are not: after a third of their
    /// time.
    pub(super) fn due(&self, lease: Duration) -> Option<Duration> {
        let holds = self.renewal.is_none() && (!self.in_flight.is_empty() || !self.waiting.is_empty());
        holds.then(|| (lease / 3).saturating_sub(self.leased.elapsed()))
    }
}

/// A consumer's future may be dropped at any time: what is done is done, and what was not begun goes back
/// as if it had never been fetched.
impl Drop for FetchedBatch {
    fn drop(&mut self) {
        // Both take effect when called; nobody is left to hear of the outcome.
        drop(ack_all(self.done.drain(..)));
        drop(release_all(self.waiting.drain(..)));
    }
}
