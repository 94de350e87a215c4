//! The commits of a member, and the outcomes that wait for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::assigned::Waiter;
use super::{Member, State};
use crate::client::{CommitFailure, GroupClient, Place};
use events_support::error_chain::chain;
use events_transport::TransportError;

/// A partition with more metadata has a commit of its own: the broker judges the metadata of each partition.
const SHARED_METADATA: usize = 512;
/// The pause after a commit that failed.
const COMMIT_PAUSE: Duration = Duration::from_millis(100);

/// The commits of a member, of which one at most is under way.
#[derive(Default)]
// The flags are independent, not the states of a state machine.
#[allow(clippy::struct_excessive_bools)]
pub(super) struct Commit {
    pub(super) is_wanted: bool,
    pub(super) is_under_way: bool,
    pub(super) not_before: Option<Instant>,
    pub(super) last_failure: Option<TransportError>,
    /// The broker refuses metadata.
    pub(super) is_bare: bool,
    /// The committer ends when nothing is wanted any more.
    pub(super) is_ended: bool,
    /// A transaction commits offsets, and the committer waits.
    pub(super) is_transacting: bool,
    /// The number of transactions that have begun.
    pub(super) transactions: u64,
}

/// The progress of a partition that a commit stores.
pub(crate) struct Sent {
    pub(crate) place: Place,
    pub(super) change: u64,
    pub(crate) offset: u64,
    pub(crate) metadata: String,
}

impl State {
    /// Whether an outcome waits for a commit.
    pub(crate) fn has_waiters(&self) -> bool {
        self.partitions.values().any(|assigned| !assigned.waiters.is_empty())
    }

    /// What the next commit stores.
    pub(super) fn take_changes(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        for (place, assigned) in &mut self.partitions {
            if !assigned.is_dirty() {
                continue;
            }
            let progress = assigned.partition.progress();
            let metadata = if self.commit.is_bare { String::new() } else { progress.encode() };
            let found = (progress.offset(), metadata);
            if assigned.stored.as_ref() == Some(&found) {
                assigned.committed = assigned.change;
                assigned.answer(assigned.change, &Ok(()));
            } else {
                let (offset, metadata) = found;
                sent.push(Sent { place: *place, change: assigned.change, offset, metadata });
            }
        }
        sent
    }

    /// The commits of partitions, as if these messages were settled. Removes from `settled` what a commit can't
    /// record: another member would handle it again.
    pub(crate) fn commits_of(&self, settled: &mut BTreeMap<Place, BTreeSet<u64>>) -> Vec<Sent> {
        settled.retain(|place, _| self.partitions.contains_key(place));
        let commit = |(place, offsets): (&Place, &mut BTreeSet<u64>)| {
            let assigned = self.partitions.get(place)?;
            let current = assigned.partition.progress();
            // What is left out is an exception again, which may leave out others.
            loop {
                let mut progress = current.clone();
                progress.exceptions.retain(|offset, _| !offsets.contains(offset));
                let offset = progress.offset();
                let (metadata, end) =
                    if self.commit.is_bare { (String::new(), offset) } else { progress.record() };
                let count = offsets.len();
                offsets.retain(|offset| *offset < end);
                if offsets.len() == count {
                    let sent = Sent { place: *place, offset, metadata, change: assigned.change };
                    return (count > 0).then_some(sent);
                }
            }
        };
        settled.iter_mut().filter_map(commit).collect()
    }

    /// Applies the commits of a transaction.
    pub(crate) fn transacted(&mut self, commits: Vec<Sent>) {
        for Sent { place, offset, metadata, change } in commits {
            if let Some(assigned) = self.partitions.get_mut(&place) {
                assigned.stored = Some((offset, metadata));
                assigned.committed = assigned.committed.max(change);
                assigned.answer(change, &Ok(()));
            }
        }
    }

    /// Applies the result of a commit.
    pub(super) fn on_commit(&mut self, sent: Vec<Sent>, result: &Result<(), CommitFailure>) {
        let pause = Some(Instant::now() + COMMIT_PAUSE);
        match result {
            Ok(()) => self.commit.last_failure = None,
            Err(CommitFailure::TooMuchMetadata) if !self.commit.is_bare => {
                tracing::warn!(
                    "the brokers refuse commit metadata: attempts and retry times will not survive this member; \
                     raise `offset.metadata.max.bytes` to 4096"
                );
                self.commit.is_bare = true;
            }
            Err(CommitFailure::Rebalance | CommitFailure::TooMuchMetadata) => self.commit.not_before = pause,
            Err(CommitFailure::Unavailable(error) | CommitFailure::Refused(error)) => {
                tracing::debug!(error = chain(error), "a commit failed, and is tried again");
                self.commit.last_failure = Some(error.clone());
                self.commit.not_before = pause;
            }
        }
        for Sent { place, change, offset, metadata } in sent {
            let Some(assigned) = self.partitions.get_mut(&place) else { continue };
            match result {
                Ok(()) => {
                    assigned.stored = Some((offset, metadata));
                    assigned.committed = assigned.committed.max(change);
                    assigned.answer(change, &Ok(()));
                }
                Err(CommitFailure::Refused(error)) => assigned.answer(change, &Err(error.clone())),
                Err(_) => {}
            }
        }
    }

    /// Ends the wait of outcomes that could not be stored in time. Later commits still have them.
    pub(crate) fn give_up(
        &mut self,
        after: Duration,
        late: impl Fn(Option<TransportError>) -> TransportError,
    ) {
        let Some(since) = Instant::now().checked_sub(after) else { return };
        for assigned in self.partitions.values_mut() {
            let is_late = |waiter: &Waiter| waiter.since < since;
            if assigned.waiters.iter().any(is_late) {
                let (over, rest) = std::mem::take(&mut assigned.waiters).into_iter().partition(is_late);
                assigned.waiters = rest;
                let over: Vec<Waiter> = over;
                for waiter in over {
                    let _ = waiter.reply.send(Err(late(self.commit.last_failure.clone())));
                }
            }
        }
    }
}

impl Member {
    /// Asks for a commit of what has changed.
    pub(crate) fn commit(&self, state: &mut State) {
        state.commit.is_wanted = true;
        self.committing.notify_all();
    }

    /// Ends the committer once it has committed what is wanted.
    pub(crate) fn end_commits(&self) {
        self.state().commit.is_ended = true;
        self.committing.notify_all();
    }

    /// Commits what has changed whenever that is wanted, until [`end_commits`](Self::end_commits). Blocks.
    pub(crate) fn run_commits(&self, client: &GroupClient) {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let pause = state.commit.not_before.and_then(|at| at.checked_duration_since(now));
            if let Some(pause) = pause.filter(|_| !state.commit.is_ended) {
                state = self.committing.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            if state.commit.is_transacting {
                state = self.committing.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if !state.commit.is_wanted {
                if state.commit.is_ended {
                    return;
                }
                state = self.committing.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.commit.is_wanted = false;
            state.commit.is_under_way = true;
            for sent in grouped(state.take_changes()) {
                drop(state);
                let offsets: Vec<_> =
                    sent.iter().map(|one| (one.place, one.offset, one.metadata.clone())).collect();
                let result = client.commit(&offsets);
                state = self.state();
                state.on_commit(sent, &result);
            }
            state.commit.is_under_way = false;
            self.committing.notify_all();
            // Outcomes that came meanwhile.
            state.commit.is_wanted |= state.has_waiters();
        }
    }

    /// Begins a transaction, during which offsets are not committed otherwise. Returns whether the commit that was
    /// under way has ended in this time.
    pub(crate) fn begin_transaction(&self, longest: Duration) -> bool {
        let mut state = self.state();
        state.commit.is_transacting = true;
        state.commit.transactions += 1;
        let wait = self.committing.wait_timeout_while(state, longest, |state| state.commit.is_under_way);
        state = wait.unwrap_or_else(PoisonError::into_inner).0;
        !state.commit.is_under_way
    }

    /// Ends a transaction.
    pub(crate) fn end_transaction(&self) {
        let mut state = self.state();
        state.commit.is_transacting = false;
        state.commit.is_wanted = true;
        drop(state);
        self.committing.notify_all();
    }
}

/// The commits of these partitions: one for each topic, and one for each partition with long metadata.
pub(super) fn grouped(all: Vec<Sent>) -> Vec<Vec<Sent>> {
    let mut groups: Vec<Vec<Sent>> = Vec::new();
    for sent in all {
        let is_alone = |one: &Sent| one.metadata.len() > SHARED_METADATA;
        match groups.last_mut() {
            Some(group)
                if !is_alone(&sent)
                    && group.iter().all(|one| one.place.topic == sent.place.topic && !is_alone(one)) =>
            {
                group.push(sent);
            }
            _ => groups.push(vec![sent]),
        }
    }
    groups
}
