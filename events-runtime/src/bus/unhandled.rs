//! Events that came and that nothing in this program took.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The most event types that are counted, so that hostile ones take no memory.
const TYPES_AT_MOST: usize = 1000;

/// How many events of which types a consumer has acknowledged without anybody having taken them.
#[derive(Debug, Default)]
pub(super) struct Unhandled {
    unreceived: Counts,
    unknown: Counts,
}

#[derive(Debug, Default)]
struct Counts(Mutex<BTreeMap<String, u64>>);

impl Counts {
    fn count(&self, event_type: &str) {
        // Nothing under the lock panics halfway through a change.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(event_type) {
            *count += 1;
        } else if counts.len() < TYPES_AT_MOST {
            counts.insert(event_type.to_owned(), 1);
        }
    }

    fn get(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Unhandled {
    /// An event was emitted and no receiver is connected.
    pub(super) fn unreceived(&self, event_type: &str) {
        self.unreceived.count(event_type);
    }

    /// An event was passed over, for its type is not known here.
    pub(super) fn unknown(&self, event_type: &str) {
        self.unknown.count(event_type);
    }

    /// The counts of both kinds.
    pub(super) fn get(&self) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
        (self.unreceived.get(), self.unknown.get())
    }
}
