//! Pruning in small steps, along with the inserts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// So many inserts stand between two steps.
const EVERY: u64 = 64;

/// So many rows a step removes, at most. More than come in between, so that it catches up.
pub(super) const ROWS: u64 = 2 * EVERY;

/// The newest row that is to go, by its time and id.
pub(super) type Cutoff<T> = (T, Uuid);

/// Where an inbox stands between its steps. A transaction that is rolled back takes its step's deletions
/// with it; a later step does them again.
#[derive(Debug)]
pub(super) struct Steps<T> {
    inserted: AtomicU64,
    /// Rows up to here are beyond the count, as far as the last look could tell.
    cutoff: Mutex<Option<Cutoff<T>>>,
}

/// What is to be done along with an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Whether to look again which rows are beyond the count. The look reads as many entries of an
    /// index as rows are kept, so it is rare where they are many.
    pub(super) counts: bool,
}

impl<T> Default for Steps<T> {
    fn default() -> Self {
        Self { inserted: AtomicU64::new(0), cutoff: Mutex::new(None) }
    }
}

impl<T: Copy> Steps<T> {
    /// Counts an insert; every 64th one is followed by a step.
    pub(super) fn next(&self, max_count: Option<u64>) -> Option<Step> {
        let inserted = self.inserted.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if !inserted.is_multiple_of(EVERY) {
            return None;
        }
        let counts = max_count.is_some_and(|count| {
            let looks_every = (count / 8 / EVERY).max(1);
            (inserted / EVERY).is_multiple_of(looks_every)
        });
        Some(Step { counts })
    }

    pub(super) fn cutoff(&self) -> Option<Cutoff<T>> {
        *self.locked()
    }

    pub(super) fn set_cutoff(&self, cutoff: Option<Cutoff<T>>) {
        *self.locked() = cutoff;
    }

    /// Nothing under the lock panics.
    fn locked(&self) -> MutexGuard<'_, Option<Cutoff<T>>> {
        self.cutoff.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(inserts: u64, max_count: Option<u64>) -> (usize, usize) {
        let steps = Steps::<i64>::default();
        let taken: Vec<_> = (0..inserts).filter_map(|_| steps.next(max_count)).collect();
        (taken.len(), taken.iter().filter(|step| step.counts).count())
    }

    #[test]
    fn every_64th_insert_takes_a_step_and_counts_the_rarer_the_more_rows_are_kept() {
        assert_eq!(steps(63, None), (0, 0));
        assert_eq!(steps(6400, None), (100, 0));
        assert_eq!(steps(6400, Some(10)), (100, 100));
        assert_eq!(steps(6400, Some(64 * 8 * 10)), (100, 10));
    }
}
