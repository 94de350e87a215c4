//! Pruning in small steps, along with the inserts.
//!
//! All that is remembered between two steps is how many inserts came in. Which rows are to go is asked of
//! the database within the same transaction, each time: an answer that is kept would belong to one
//! database, while one inbox may serve several (a file for each tenant), and to a transaction that may
//! still be rolled back.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

/// So many inserts stand between two steps.
const EVERY: u64 = 64;

/// So many rows a step removes, at most. More than come in between, so that it catches up.
pub(super) const ROWS: u64 = 2 * EVERY;

/// A step removes at most so many rows beyond the count, however many are kept.
const SURPLUS_ROWS_MAX: u64 = 16_384;

/// So many databases are counted apart; more share their counts.
const DATABASES: u64 = 4096;

/// The newest row that is to go, by its time and id.
pub(super) type Cutoff<T> = (T, Uuid);

/// Counts the inserts into each database that an inbox is used with.
///
/// The count decides when a step is taken, never what it removes. So an insert that is rolled back may be
/// counted, and databases that share a count are only pruned a little earlier or later.
#[derive(Debug, Default)]
pub(super) struct Pruning {
    inserted: Mutex<HashMap<u64, u64>>,
}

/// What is to be done along with an insert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// How many rows beyond the count to remove at most, where it is time to look for them. The look
    /// reads as many entries of an index as rows are kept, so it is the rarer the more they are.
    pub(super) surplus: Option<u64>,
}

impl Pruning {
    /// Counts an insert into a database; every 64th one is followed by a step.
    pub(super) fn next(&self, database: &str, max_count: Option<u64>) -> Option<Step> {
        let mut hasher = DefaultHasher::new();
        database.hash(&mut hasher);
        let inserted = {
            // Nothing under the lock panics.
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
    fn every_64th_insert_takes_a_step_and_twice_what_came_in_may_go() {
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
    fn databases_that_take_turns_are_each_stepped() {
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
