//! The groups that this program has met a short while ago.
//!
//! After a broker has died, another one takes over the groups that it coordinated, and leaves them out of its list
//! until it has loaded them. A group that was just met is looked up by its name, which waits for the new coordinator.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For how long a group that is not listed any more is looked up. A new coordinator takes seconds.
const MET: Duration = Duration::from_secs(60);

/// The names in Kafka of groups, and when each was met.
#[derive(Debug, Default)]
pub(crate) struct RecentGroups(Mutex<HashMap<String, Instant>>);

impl RecentGroups {
    /// Notes groups that exist.
    pub(crate) fn note<'n>(&self, names: impl IntoIterator<Item = &'n str>) {
        self.note_at(names, Instant::now());
    }

    fn note_at<'n>(&self, names: impl IntoIterator<Item = &'n str>, now: Instant) {
        let mut groups = self.groups();
        for name in names {
            groups.insert(name.to_owned(), now);
        }
        groups.retain(|_, met| now.saturating_duration_since(*met) < MET);
    }

    /// Forgets a group that was removed.
    pub(crate) fn forget(&self, name: &str) {
        self.groups().remove(name);
    }

    /// The groups that may exist although they are not listed.
    pub(crate) fn recall(&self) -> Vec<String> {
        self.recall_at(Instant::now())
    }

    fn recall_at(&self, now: Instant) -> Vec<String> {
        let groups = self.groups();
        let recent = groups.iter().filter(|(_, met)| now.saturating_duration_since(**met) < MET);
        recent.map(|(name, _)| name.clone()).collect()
    }

    fn groups(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_recalled_for_a_minute_unless_it_is_removed() {
        let (groups, now) = (RecentGroups::default(), Instant::now());
        groups.note_at(["billing", "shipping"], now);
        groups.forget("shipping");
        assert_eq!(groups.recall_at(now + MET / 2), ["billing"]);
        assert_eq!(groups.recall_at(now + MET), [""; 0]);
    }

    #[test]
    fn groups_of_the_past_take_no_memory() {
        let (groups, now) = (RecentGroups::default(), Instant::now());
        groups.note_at(["lookup.1", "lookup.2"], now);
        groups.note_at(["billing"], now + MET);
        assert_eq!(groups.groups().len(), 1);
    }
}
