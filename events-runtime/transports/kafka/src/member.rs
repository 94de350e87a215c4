//! The state that the receiver, the deliveries and the worker of one consumer share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::client::{CommitFailure, GroupClient, Place};
use super::partition::{Claimed, Lease, LeaseLost, Now, Partition, Record, Requeue};
use super::progress::Progress;
use events_support::error_chain::chain;
use events_transport::{ConsumerGroup, Position, Topic, TransportError};

/// A partition with more metadata has a commit of its own: the broker judges the metadata of each partition.
const SHARED_METADATA: usize = 512;
/// The pause after a commit that failed.
const COMMIT_PAUSE: Duration = Duration::from_millis(100);

pub(super) type Stored = Result<(), TransportError>;

/// One consumer: a member of a group in one or several topics.
pub(super) struct Member {
    pub(super) group: ConsumerGroup,
    /// In the order of their indexes.
    pub(super) topics: Vec<Topic>,
    pub(super) lease: Duration,
    /// How long an outcome that can't be stored is tried again.
    pub(super) retry_for: Duration,
    state: Mutex<State>,
    /// Wakes the committer.
    committing: Condvar,
    /// Wakes the receiver.
    pub(super) wake: Notify,
    /// `None` once the member has left for good.
    client: Mutex<Option<Arc<GroupClient>>>,
}

/// What changes.
pub(super) struct State {
    pub(super) partitions: BTreeMap<Place, Assigned>,
    /// Which topics are subscribed to, and why not.
    pub(super) subscribed: Vec<TopicState>,
    pub(super) stage: Stage,
    /// Returned by the next `receive`.
    pub(super) error: Option<TransportError>,
    /// Every `receive` returns it: the client can't go on.
    pub(super) fatal: Option<TransportError>,
    /// When a `receive` last began or ended.
    pub(super) received: Instant,
    pub(super) is_receiving: bool,
    /// When a lease last ended without a `receive` after it.
    pub(super) expired: Option<Instant>,
    /// The consumer was closed or dropped.
    pub(super) closing: Option<Closing>,
    /// How many receivers wait until all is fetched that is stored.
    pub(super) catching_up: usize,
    claims: u64,
    /// The place after which the next claim begins.
    last: Option<Place>,
    commit: Commit,
}

/// Who waits until the member has left, if anybody does.
pub(super) struct Closing(pub(super) Option<oneshot::Sender<Stored>>);

/// A topic of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TopicState {
    Subscribed,
    /// A caller changes the group's offsets.
    Away,
    /// The group was removed from it.
    Removed,
}

/// Where the member is between joining and leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has asked for partitions.
    Joining,
    /// It has its partitions.
    Joined,
    /// It left because no `receive` came; the next one joins again.
    Left,
}

/// An assigned partition.
pub(super) struct Assigned {
    pub(super) partition: Partition,
    /// It is about to be returned: nothing is claimed any more.
    pub(super) is_revoking: bool,
    pub(super) is_paused: bool,
    /// Whether it was reported that a key holds it back.
    pub(super) is_held_back: bool,
    /// Whether the position of the client is of this assignment.
    pub(super) has_position: bool,
    /// What the group has committed.
    stored: Option<(u64, String)>,
    /// Counts the changes.
    change: u64,
    /// The change that is committed.
    committed: u64,
    waiters: Vec<Waiter>,
}

/// An outcome that waits for its commit.
struct Waiter {
    change: u64,
    since: Instant,
    reply: oneshot::Sender<Stored>,
}

/// The commits of a member, of which one at most is under way.
#[derive(Default)]
// The flags are independent, not the states of a state machine.
#[allow(clippy::struct_excessive_bools)]
struct Commit {
    is_wanted: bool,
    is_under_way: bool,
    not_before: Option<Instant>,
    last_failure: Option<TransportError>,
    /// The broker refuses metadata.
    is_bare: bool,
    /// The committer ends when nothing is wanted any more.
    is_ended: bool,
    /// A transaction commits offsets, and the committer waits.
    is_transacting: bool,
    /// The number of transactions that have begun.
    transactions: u64,
}

/// The progress of a partition that a commit stores.
pub(super) struct Sent {
    pub(super) place: Place,
    change: u64,
    pub(super) offset: u64,
    pub(super) metadata: String,
}

impl Assigned {
    fn new(progress: Progress, stored: Option<(u64, String)>) -> Self {
        Self {
            partition: Partition::new(progress),
            is_revoking: false,
            is_paused: false,
            is_held_back: false,
            has_position: true,
            stored,
            change: 0,
            committed: 0,
            waiters: Vec::new(),
        }
    }

    /// Whether something is not committed.
    pub(super) const fn is_dirty(&self) -> bool {
        self.change > self.committed
    }

    /// Answers the outcomes up to this change.
    fn answer(&mut self, change: u64, stored: &Stored) {
        let (done, rest) =
            std::mem::take(&mut self.waiters).into_iter().partition(|one| one.change <= change);
        self.waiters = rest;
        for Waiter { reply, .. } in done {
            // Nobody waits if the future was dropped.
            let _ = reply.send(stored.clone());
        }
    }
}

impl State {
    fn new(topics: usize) -> Self {
        Self {
            partitions: BTreeMap::new(),
            subscribed: vec![TopicState::Subscribed; topics],
            stage: Stage::Joining,
            error: None,
            fatal: None,
            received: Instant::now(),
            is_receiving: false,
            expired: None,
            closing: None,
            catching_up: 0,
            claims: 0,
            last: None,
            commit: Commit::default(),
        }
    }

    /// Takes messages of all partitions in turn. Returns when to look again if there are none.
    pub(super) fn claim(
        &mut self,
        max: usize,
        lease: Duration,
    ) -> (u64, Vec<(Place, Claimed)>, Option<Instant>) {
        let now = Now::new();
        self.claims += 1;
        let lease = Lease { claim: self.claims, length: lease };
        let (mut taken, mut due) = (Vec::new(), None::<Instant>);
        let order: Vec<Place> = match self.last {
            Some(last) => {
                let (before, after): (Vec<_>, Vec<_>) =
                    self.partitions.keys().partition(|place| **place <= last);
                after.into_iter().chain(before).collect()
            }
            None => self.partitions.keys().copied().collect(),
        };
        // First an equal share of each, then what is left.
        let share = max.div_ceil(order.len().max(1));
        for share in [share, max] {
            for place in &order {
                let left = max - taken.len();
                let Some(assigned) = self.partitions.get_mut(place).filter(|one| !one.is_revoking) else {
                    continue;
                };
                if left == 0 {
                    break;
                }
                let mut claimed = Vec::new();
                let again = assigned.partition.claim(share.min(left), lease, now, &mut claimed);
                due = [due, again].into_iter().flatten().min();
                if !claimed.is_empty() {
                    self.last = Some(*place);
                }
                taken.extend(claimed.into_iter().map(|one| (*place, one)));
            }
        }
        (lease.claim, taken, due)
    }

    /// The messages of a place that are in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.partitions.values().map(|one| one.partition.in_flight()).sum()
    }

    /// Adds a partition that continues at `progress`. Without `stored`, its start is committed.
    pub(super) fn add(&mut self, place: Place, progress: Progress, stored: Option<(u64, String)>) {
        let mut assigned = Assigned::new(progress, stored);
        assigned.change = 1;
        self.partitions.insert(place, assigned);
    }

    /// Drops a partition. What is in flight of it is lost.
    pub(super) fn remove(&mut self, place: Place, lost: &TransportError) {
        if let Some(mut assigned) = self.partitions.remove(&place) {
            assigned.answer(u64::MAX, &Err(lost.clone()));
        }
    }

    /// Changes a partition, so that it is committed again.
    fn change<T>(
        &mut self,
        place: Place,
        change: impl FnOnce(&mut Partition) -> Result<T, LeaseLost>,
    ) -> Result<T, LeaseLost> {
        let assigned = self.partitions.get_mut(&place).ok_or(LeaseLost)?;
        let done = change(&mut assigned.partition)?;
        assigned.change += 1;
        Ok(done)
    }

    /// Skips what is never delivered before these positions. Returns whether there was any.
    pub(super) fn skip_to(&mut self, positions: &[(Place, u64)]) -> bool {
        let mut is_changed = false;
        for (place, offset) in positions {
            let Some(assigned) = self.partitions.get_mut(place).filter(|one| one.has_position) else {
                continue;
            };
            if assigned.partition.skip_to(*offset) {
                assigned.change += 1;
                is_changed = true;
            }
        }
        is_changed
    }

    pub(super) fn settle(&mut self, place: Place, offset: u64, claim: u64) -> Result<(), LeaseLost> {
        self.change(place, |partition| partition.settle(offset, claim))
    }

    pub(super) fn requeue(
        &mut self,
        place: Place,
        offset: u64,
        claim: u64,
        how: Requeue,
    ) -> Result<(), LeaseLost> {
        self.change(place, |partition| partition.requeue(offset, claim, how, Now::new()))
    }

    /// Passes over a message that is none of the group's.
    pub(super) fn skip(&mut self, place: Place, offset: u64) {
        if let Some(assigned) = self.partitions.get_mut(&place) {
            assigned.has_position = true;
            assigned.partition.skip_to(offset.saturating_add(1));
            assigned.change += 1;
        }
    }

    /// A message that a claim holds, and its attempts.
    pub(super) fn held(&self, place: Place, offset: u64, claim: u64) -> Option<(Record, u32)> {
        self.partitions.get(&place)?.partition.held_by_claim(offset, claim)
    }

    /// Keeps a message in flight while it is stored in another topic.
    pub(super) fn leave(&mut self, place: Place, offset: u64, claim: u64) -> Result<(), LeaseLost> {
        self.partitions.get_mut(&place).ok_or(LeaseLost)?.partition.leave(offset, claim)
    }

    pub(super) fn renew(
        &mut self,
        place: Place,
        offset: u64,
        lease: Lease,
        now: Now,
    ) -> Result<(), LeaseLost> {
        self.partitions.get_mut(&place).ok_or(LeaseLost)?.partition.renew(offset, lease, now)
    }

    /// Waits for the commit of what was changed so far.
    pub(super) fn committed(&mut self, place: Place) -> Option<oneshot::Receiver<Stored>> {
        let assigned = self.partitions.get_mut(&place)?;
        if !assigned.is_dirty() {
            return None;
        }
        let (reply, answer) = oneshot::channel();
        assigned.waiters.push(Waiter { change: assigned.change, since: Instant::now(), reply });
        Some(answer)
    }

    /// Ends the leases that are over.
    pub(super) fn expire(&mut self, now: Now) {
        let mut over = 0;
        for assigned in self.partitions.values_mut() {
            let ended = assigned.partition.expire(now);
            if ended > 0 {
                assigned.change += 1;
            }
            over += ended;
        }
        if over > 0 && !self.is_receiving {
            self.expired = Some(now.instant);
        }
    }

    /// Whether an outcome waits for a commit.
    pub(super) fn has_waiters(&self) -> bool {
        self.partitions.values().any(|assigned| !assigned.waiters.is_empty())
    }

    /// What the next commit stores.
    fn take_changes(&mut self) -> Vec<Sent> {
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

    /// The number of the last transaction that has begun.
    pub(super) const fn last_transaction(&self) -> u64 {
        self.commit.transactions
    }

    /// Whether a transaction has ended.
    pub(super) const fn has_ended(&self, transaction: u64) -> bool {
        !self.commit.is_transacting || self.commit.transactions > transaction
    }

    /// Whether a message is kept in flight by this claim while its outputs are stored. It is delivered again if an
    /// earlier one of its key is: the outputs of a key are stored in its order.
    pub(super) fn hold_order(&mut self, place: Place, offset: u64, claim: u64) -> bool {
        let found = self.partitions.get(&place).map(|assigned| &assigned.partition);
        let Some(partition) = found.filter(|partition| partition.is_leaving(offset, claim)) else {
            return false;
        };
        if !partition.is_behind(offset) {
            return true;
        }
        // It is held, so this succeeds.
        let _ = self.requeue(place, offset, claim, Requeue::Uncounted(Duration::ZERO));
        false
    }

    /// The commits of partitions, as if these messages were settled. Removes from `settled` what a commit can't
    /// record: another member would handle it again.
    pub(super) fn commits_of(&self, settled: &mut BTreeMap<Place, BTreeSet<u64>>) -> Vec<Sent> {
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
    pub(super) fn transacted(&mut self, commits: Vec<Sent>) {
        for Sent { place, offset, metadata, change } in commits {
            if let Some(assigned) = self.partitions.get_mut(&place) {
                assigned.stored = Some((offset, metadata));
                assigned.committed = assigned.committed.max(change);
                assigned.answer(change, &Ok(()));
            }
        }
    }

    /// Applies the result of a commit.
    fn on_commit(&mut self, sent: Vec<Sent>, result: &Result<(), CommitFailure>) {
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
    pub(super) fn give_up(
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
    pub(super) fn new(
        group: ConsumerGroup,
        topics: Vec<Topic>,
        lease: Duration,
        retry_for: Duration,
        client: Arc<GroupClient>,
    ) -> Self {
        let state = State::new(topics.len());
        Self {
            group,
            topics,
            lease,
            retry_for,
            state: Mutex::new(state),
            committing: Condvar::new(),
            wake: Notify::new(),
            client: Mutex::new(Some(client)),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client; `None` once the member has left for good.
    pub(super) fn client(&self) -> Option<Arc<GroupClient>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the use of the client.
    pub(super) fn take_client(&self) -> Option<Arc<GroupClient>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Asks for a commit of what has changed.
    pub(super) fn commit(&self, state: &mut State) {
        state.commit.is_wanted = true;
        self.committing.notify_all();
    }

    /// Ends the committer once it has committed what is wanted.
    pub(super) fn end_commits(&self) {
        self.state().commit.is_ended = true;
        self.committing.notify_all();
    }

    /// Commits what has changed whenever that is wanted, until [`end_commits`](Self::end_commits). Blocks.
    pub(super) fn run_commits(&self, client: &GroupClient) {
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
    pub(super) fn begin_transaction(&self, longest: Duration) -> bool {
        let mut state = self.state();
        state.commit.is_transacting = true;
        state.commit.transactions += 1;
        let wait = self.committing.wait_timeout_while(state, longest, |state| state.commit.is_under_way);
        state = wait.unwrap_or_else(PoisonError::into_inner).0;
        !state.commit.is_under_way
    }

    /// Ends a transaction.
    pub(super) fn end_transaction(&self) {
        let mut state = self.state();
        state.commit.is_transacting = false;
        state.commit.is_wanted = true;
        drop(state);
        self.committing.notify_all();
    }

    pub(super) fn topic(&self, place: Place) -> Option<&Topic> {
        self.topics.get(place.topic)
    }

    /// The names of all topics, for errors.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.topics.iter().map(Topic::as_str).collect();
        names.join(",")
    }

    /// The error of a message that the member no longer holds.
    pub(super) fn lost(&self, operation: &'static str, place: Place, offset: u64) -> TransportError {
        let position = Position::Record { partition: place.partition, offset };
        match self.topic(place) {
            Some(topic) => TransportError::lease_lost(operation, topic, &self.group, position),
            None => self.closed(operation),
        }
    }

    /// The error of a call after the consumer was closed.
    pub(super) fn closed(&self, operation: &'static str) -> TransportError {
        let message = "the consumer was closed";
        TransportError::new(events_transport::ErrorKind::Closed, operation, self.names(), message)
    }
}

/// The commits of these partitions: one for each topic, and one for each partition with long metadata.
fn grouped(all: Vec<Sent>) -> Vec<Vec<Sent>> {
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

#[cfg(test)]
mod tests;
