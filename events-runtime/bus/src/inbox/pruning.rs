//! Prunes in small steps, together with inserts.
//!
//! Between two steps, only the number of inserts is remembered. The rows to delete are looked up within the
//! same transaction each time: a cached answer would belong to one database, while one inbox may serve
//! several (a file for each tenant), and to a transaction that may still be rolled back.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

/// The number of inserts between two steps.
const EVERY: u64 = 64;

/// The maximum number of rows removed by a step. More than the inserts in between, so that pruning catches
/// up.
pub(super) const ROWS: u64 = 2 * EVERY;

/// The maximum number of surplus rows removed by a step, however many are kept.
const SURPLUS_ROWS_MAX: u64 = 16_384;

/// The number of separate counters; databases beyond that share them.
const DATABASES: u64 = 4096;

/// The newest row to remove, by time and id.
pub(super) type Cutoff<T> = (T, Uuid);

/// Counts an inbox's inserts into each database.
///
/// The count decides only when a step runs, never what it removes. So rolled-back inserts may be counted,
/// and databases that share a counter are only pruned slightly earlier or later.
#[derive(Debug, Default)]
pub(super) struct Pruning {
    inserted: Mutex<HashMap<u64, u64>>,
}

/// The work of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// The maximum number of surplus rows to remove, if it is time to look for them. The search reads as
    /// many index entries as rows are kept, so it is rarer the more rows there are.
    pub(super) surplus: Option<u64>,
}

impl Pruning {
    /// Counts an insert into a database. Every 64th insert is followed by a step.
    pub(super) fn next(&self, database: &str, max_count: Option<u64>) -> Option<Step> {
        let mut hasher = DefaultHasher::new();
        database.hash(&mut hasher);
        let inserted = {
            // A poisoned lock is safe to use: nothing under it panics.
            let mut counts = self.inserted.lock().unwrap_or_else(PoisonError::into_inner);
            let inserted = counts.entry(hasher.finish() % DATABASES).or_insert(0);
            *inserted = inserted.wrapping_add(1);
            *inserted
        };
        if !inserted.is_multiple_of(EVERY) {
            return None;
        }
        let surplus = max_count.and_then(|count| {
            let rows = (count / EVERY).clamp(ROWS, SURPLUS_ROWS_MAX);
            (inserted / EVERY).is_multiple_of(rows / ROWS).then_some(rows)
        });
        Some(Step { surplus })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(inserts: u64, max_count: Option<u64>) -> (usize, u64) {
        let steps = Pruning::default();
        let taken: Vec<_> = (0..inserts).filter_map(|_| steps.next("billing.db", max_count)).collect();
        (taken.len(), taken.iter().filter_map(|step| step.surplus).sum())
    }

    #[test]
    fn every_64th_insert_starts_a_step_that_removes_up_to_twice_the_inserts() {
        assert_eq!(steps(63, None), (0, 0));
        assert_eq!(steps(6400, None), (100, 0));
        for max_count in [1, 10, 1_000, 128 * 64, 100_000, 1_000_000, u64::MAX] {
            let looks_every = (max_count / EVERY).clamp(ROWS, SURPLUS_ROWS_MAX) / ROWS * EVERY;
            let inserts = 10 * looks_every;
            let (taken, may_go) = steps(inserts, Some(max_count));
            assert_eq!(taken as u64, inserts / EVERY);
            assert!(may_go >= 2 * inserts && may_go < 4 * inserts, "{max_count}: {may_go} of {inserts}");
        }
    }

    #[test]
    fn alternating_databases_are_each_pruned() {
        let steps = Pruning::default();
        let mut taken = [0, 0];
        for _ in 0..640 {
            for (taken, database) in taken.iter_mut().zip(["a.db", "b.db"]) {
                *taken += u32::from(steps.next(database, None).is_some());
            }
        }
        assert_eq!(taken, [10, 10]);
    }
}
