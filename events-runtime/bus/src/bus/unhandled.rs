//! Counts the skipped events that no receiver of this program handled.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The maximum number of event types to count, so that hostile input can't exhaust memory.
const MAX_TYPES: usize = 1000;

/// The number of skipped events without a receiver, by event type.
#[derive(Debug, Default)]
pub(super) struct Unhandled {
    unreceived: Counts,
    unknown: Counts,
}

#[derive(Debug, Default)]
struct Counts(Mutex<BTreeMap<String, u64>>);

impl Counts {
    fn count(&self, event_type: &str) {
        // A poisoned lock is safe to use: no critical section leaves the map inconsistent.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(event_type) {
            *count += 1;
        } else if counts.len() < MAX_TYPES {
            counts.insert(event_type.to_owned(), 1);
        }
    }

    fn get(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Unhandled {
    /// Counts a skipped event that no receiver took.
    pub(super) fn unreceived(&self, event_type: &str) {
        self.unreceived.count(event_type);
    }

    /// Counts a skipped event of an unknown type.
    pub(super) fn unknown(&self, event_type: &str) {
        self.unknown.count(event_type);
    }

    /// Both counts.
    pub(super) fn get(&self) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
        (self.unreceived.get(), self.unknown.get())
    }
}
