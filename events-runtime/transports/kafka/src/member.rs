//! The state that the receiver, the deliveries and the worker of one consumer share.

mod assigned;
mod commits;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

pub(super) use self::assigned::Assigned;
use self::assigned::Waiter;
use self::commits::Commit;
pub(super) use self::commits::Sent;
use super::client::{GroupClient, Place};
use super::partition::{Claimed, Lease, LeaseLost, Now, Partition, Record, Requeue};
use super::progress::Progress;
use events_transport::{ConsumerGroup, Position, Topic, TransportError};

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
    /// A claim made room for records that are left in the client.
    pub(super) has_made_room: bool,
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
            has_made_room: false,
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
                self.has_made_room |= assigned.has_made_room();
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
