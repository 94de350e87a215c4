//! The number of events that all topic queues together may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The total number of events that the topic queues may hold.
#[derive(Debug)]
pub(super) struct Capacity {
    used: AtomicUsize,
    total: usize,
}

/// One event's share of the capacity, released on drop.
#[derive(Debug)]
pub(super) struct Permit(Arc<Capacity>);

impl Capacity {
    pub(super) fn new(total: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), total })
    }

    pub(super) fn total(&self) -> usize {
        self.total
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Returns a permit if fewer than `limit` are in use.
    pub(super) fn try_acquire(self: &Arc<Self>, limit: usize) -> Option<Permit> {
        let acquire = |used: usize| (used < limit).then(|| used + 1);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, acquire).ok()?;
        Some(Permit(Arc::clone(self)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.used.fetch_sub(1, Ordering::Relaxed);
    }
}
