//! The state that the receiver, the deliveries and the worker of one consumer share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::client::{CommitFailure, GroupClient, Place};
use super::partition::{Claimed, Lease, LeaseLost, Now, Partition, Requeue};
use super::progress::Progress;
use events_transport::{ConsumerGroup, Position, Topic, TransportError};

/// After this time without an answer, a commit is taken as lost, and the next one is sent.
const COMMIT_PATIENCE: Duration = Duration::from_secs(60);
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
    pub(super) closing: Option<Option<oneshot::Sender<Stored>>>,
    claims: u64,
    /// The place after which the next claim begins.
    last: Option<Place>,
    commit: Commit,
}

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

/// The commit that is under way; there is one at most.
#[derive(Default)]
struct Commit {
    sent: Option<(Instant, BTreeMap<Place, (u64, u64, String)>)>,
    not_before: Option<Instant>,
    last_failure: Option<TransportError>,
    /// The broker refuses metadata.
    is_bare: bool,
    /// A transaction commits the offsets now.
    is_transacting: bool,
}

/// A commit of a partition, as a transaction stores it.
pub(super) struct PlaceCommit {
    pub(super) place: Place,
    pub(super) offset: u64,
    pub(super) metadata: String,
    change: u64,
}

impl Assigned {
    fn new(progress: Progress, stored: Option<(u64, String)>) -> Self {
        Self {
            partition: Partition::new(progress),
            is_revoking: false,
            is_paused: false,
            is_held_back: false,
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

    /// Keeps a message in flight while its dead letter is stored.
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

    /// Sends a commit of what has changed, unless one is under way.
    pub(super) fn commit(&mut self, client: &GroupClient) {
        let now = Instant::now();
        let is_pending =
            self.commit.sent.as_ref().is_some_and(|(at, _)| now.duration_since(*at) < COMMIT_PATIENCE);
        if is_pending || self.commit.is_transacting || self.commit.not_before.is_some_and(|at| at > now) {
            return;
        }
        let mut sent = BTreeMap::new();
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
                sent.insert(*place, (assigned.change, found.0, found.1));
            }
        }
        if sent.is_empty() {
            return;
        }
        let offsets: Vec<_> =
            sent.iter().map(|(place, (_, offset, metadata))| (*place, *offset, metadata.clone())).collect();
        match client.commit(&offsets) {
            Ok(()) => self.commit.sent = Some((now, sent)),
            Err(error) => self.not_committed(error, now),
        }
    }

    /// Begins or ends a transaction, during which offsets are not committed otherwise.
    pub(super) const fn transact(&mut self, begins: bool) {
        self.commit.is_transacting = begins;
    }

    /// Whether a message is kept in flight by this claim while its outputs are stored.
    pub(super) fn is_leaving(&self, place: Place, offset: u64, claim: u64) -> bool {
        self.partitions.get(&place).is_some_and(|assigned| assigned.partition.is_leaving(offset, claim))
    }

    /// The commits of partitions, as if these messages were settled.
    pub(super) fn commits_of(&self, settled: &BTreeMap<Place, Vec<u64>>) -> Vec<PlaceCommit> {
        let commit = |(place, offsets): (&Place, &Vec<u64>)| {
            let assigned = self.partitions.get(place)?;
            let mut progress = assigned.partition.progress();
            for offset in offsets {
                progress.exceptions.remove(offset);
            }
            let metadata = if self.commit.is_bare { String::new() } else { progress.encode() };
            Some(PlaceCommit { place: *place, offset: progress.offset(), metadata, change: assigned.change })
        };
        settled.iter().filter_map(commit).collect()
    }

    /// Applies the commits of a transaction.
    pub(super) fn transacted(&mut self, commits: Vec<PlaceCommit>) {
        for PlaceCommit { place, offset, metadata, change } in commits {
            if let Some(assigned) = self.partitions.get_mut(&place) {
                assigned.stored = Some((offset, metadata));
                assigned.committed = assigned.committed.max(change);
                assigned.answer(change, &Ok(()));
            }
        }
    }

    fn not_committed(&mut self, error: TransportError, now: Instant) {
        tracing::debug!(%error, "a commit failed, and is tried again");
        self.commit.last_failure = Some(error);
        self.commit.not_before = Some(now + COMMIT_PAUSE);
    }

    /// Applies the result of the commit.
    pub(super) fn on_commit(
        &mut self,
        result: Result<Vec<(Place, Result<(), CommitFailure>)>, CommitFailure>,
    ) {
        let now = Instant::now();
        let Some((_, mut sent)) = self.commit.sent.take() else { return };
        let results = match result {
            Ok(results) => results,
            Err(failure) => sent.keys().map(|place| (*place, Err(failure.clone()))).collect(),
        };
        for (place, result) in results {
            let Some((change, offset, metadata)) = sent.remove(&place) else { continue };
            let Some(assigned) = self.partitions.get_mut(&place) else { continue };
            match result {
                Ok(()) => {
                    assigned.stored = Some((offset, metadata));
                    assigned.committed = assigned.committed.max(change);
                    assigned.answer(change, &Ok(()));
                    self.commit.last_failure = None;
                }
                Err(CommitFailure::Rebalance) => self.commit.not_before = Some(now + COMMIT_PAUSE),
                Err(CommitFailure::TooMuchMetadata) if !metadata.is_empty() => {
                    tracing::warn!(
                        "the brokers refuse commit metadata: attempts and retry times will not survive this \
                         member; raise `offset.metadata.max.bytes` to 4096"
                    );
                    self.commit.is_bare = true;
                }
                Err(CommitFailure::TooMuchMetadata) => {}
                Err(CommitFailure::Unavailable(error)) => self.not_committed(error, now),
                Err(CommitFailure::Refused(error)) => {
                    assigned.answer(change, &Err(error.clone()));
                    self.not_committed(error, now);
                }
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
        let state = State {
            partitions: BTreeMap::new(),
            subscribed: vec![TopicState::Subscribed; topics.len()],
            stage: Stage::Joining,
            error: None,
            fatal: None,
            received: Instant::now(),
            is_receiving: false,
            expired: None,
            closing: None,
            claims: 0,
            last: None,
            commit: Commit::default(),
        };
        Self {
            group,
            topics,
            lease,
            retry_for,
            state: Mutex::new(state),
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

    /// Waits until no commit of offsets is under way. Returns whether it has ended.
    pub(super) fn await_commit(&self, longest: Duration) -> bool {
        let deadline = Instant::now() + longest;
        while self.state().commit.sent.is_some() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Ends the consumer: another member continues at what is committed.
    pub(super) fn abandon(&self, error: &TransportError) {
        tracing::error!(%error, group = %self.group, "a consumer ends: it is not known whether a transaction was committed");
        self.state().fatal = Some(error.clone());
        self.wake.notify_one();
    }

    /// Sends a commit now.
    pub(super) fn commit(&self) {
        if let Some(client) = self.client() {
            self.state().commit(&client);
        }
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
