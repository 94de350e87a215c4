//! The progress of a group on a topic, and its claims.
//!
//! The messages of a key in flight are the earliest unsettled ones of the key, held by one member and
//! delivered in order.
//!
//! A message that blocks its members beyond their lease is a poison message. A lost member counts as an
//! attempt only if it held a single message; otherwise it is unknown which message caused the loss. A message
//! that was lost [`CANDIDATE_AFTER`] times among others is a poison candidate. It is delivered in isolation, to
//! a member that holds nothing else. If that member is lost too, the loss counts as an attempt, and so do the
//! earlier losses.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use foldhash::fast::RandomState;
use tokio::time::Instant;

use super::log::{Log, Start};
use crate::clock::Later as _;

/// Every message up to `cursor` is settled, in flight or waiting.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) cursor: u64,
    in_flight: HashMap<u64, InFlight, RandomState>,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct InFlight {
    key: Option<Bytes>,
    attempts: u32,
    poison: PoisonState,
    claim: u64,
    member: u64,
    /// When it was delivered.
    since: Instant,
    until: Instant,
    /// The member lost another message before.
    shared: bool,
}

#[derive(Debug)]
struct Waiting {
    key: Option<Bytes>,
    attempts: u32,
    poison: PoisonState,
    ready: Instant,
}

/// Whether a message may be poison.
#[derive(Debug, Clone, Copy, Default)]
struct PoisonState {
    /// The number of members that were lost while they held it among others. Not included in its attempts.
    losses: u32,
    /// It is a poison candidate, which is delivered in isolation.
    is_candidate: bool,
}

/// After this many losses among other messages, a message is a poison candidate.
const CANDIDATE_AFTER: u32 = 2;

/// How long a member waits that may not claim an isolated message yet.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// The claim no longer holds the message.
#[derive(Debug)]
pub(super) struct LeaseLost;

/// How a delivery is requeued.
#[derive(Debug, Clone, Copy)]
pub(super) enum Requeue {
    /// Counts an attempt, after a delay.
    Counted(Duration),
    /// As if it had not been delivered, after a delay.
    Uncounted(Duration),
    /// Its member was lost, and held only this message or others too.
    Lost { alone: bool },
}

/// The result of looking for a poison candidate.
enum Isolation {
    /// There is none that is due.
    None,
    /// This message was taken, with this attempt. The claim must contain nothing else.
    Taken(u64, u32),
    /// The member holds one, or must settle its other messages first.
    Waits,
    /// As `Waits`, but it has waited for a lease.
    TooLong,
}

impl Waiting {
    /// A message that was not delivered yet.
    const fn new(key: Option<Bytes>, ready: Instant) -> Self {
        Self { key, attempts: 0, poison: PoisonState { losses: 0, is_candidate: false }, ready }
    }
}

impl Group {
    pub(super) fn new(log: &Log, start: Start) -> Self {
        let now = Instant::now();
        let key = |seq| log.get(seq).and_then(|stored| stored.message.key.clone());
        let unsettled = start.unsettled.into_iter();
        let waiting = unsettled.map(|seq| (seq, Waiting::new(key(seq), now))).collect();
        Self { cursor: start.cursor, in_flight: HashMap::default(), waiting }
    }

    /// The first unsettled message.
    pub(super) fn low_water(&self) -> u64 {
        let in_flight = self.in_flight.keys().copied().min();
        let waiting = self.waiting.first_key_value().map(|(seq, _)| *seq);
        [in_flight, waiting].into_iter().flatten().fold(self.cursor + 1, u64::min)
    }

    /// Whether a message of the topic is unsettled.
    pub(super) fn is_unsettled(&self, seq: u64) -> bool {
        seq > self.cursor || self.in_flight.contains_key(&seq) || self.waiting.contains_key(&seq)
    }

    pub(super) fn holds(&self, seq: u64) -> bool {
        self.in_flight.contains_key(&seq)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Claims up to `max` messages: returns the number and attempt of each, in order, and when to retry if
    /// there are none.
    pub(super) fn claim(
        &mut self,
        log: &Log,
        lease: &Lease,
        max: usize,
    ) -> (Vec<(u64, u32)>, Option<Instant>) {
        let now = Instant::now();
        self.expire(log, now);
        // Whether poison candidates are left to another member or a later claim.
        let mut excludes_isolated = true;
        match self.take_isolated(lease, max, now) {
            Isolation::None => {}
            Isolation::TooLong => excludes_isolated = false,
            Isolation::Taken(seq, attempt) => return (vec![(seq, attempt)], None),
            Isolation::Waits => return (Vec::new(), Some(now + RETRY_DELAY)),
        }
        let mut taken = Vec::new();
        let holders: HashMap<Bytes, u64> =
            self.in_flight.values().filter_map(|held| Some((held.key.clone()?, held.member))).collect();
        // Keys whose earliest unsettled message is not claimed.
        let mut stopped: HashSet<Bytes> = HashSet::new();
        let mut due: Option<Instant> = self.in_flight.values().map(|held| held.until).min();

        let mut due_now = Vec::new();
        for (&seq, waiting) in &self.waiting {
            if due_now.len() == max {
                break;
            }
            let held =
                waiting.key.as_ref().is_some_and(|key| stopped.contains(key) || holders.contains_key(key));
            if held || waiting.ready > now || (excludes_isolated && waiting.poison.is_candidate) {
                if !held {
                    due = Some(due.map_or(waiting.ready, |due| due.min(waiting.ready)));
                }
                stopped.extend(waiting.key.clone());
            } else {
                due_now.push(seq);
            }
        }
        for seq in due_now {
            if let Some(waiting) = self.waiting.remove(&seq) {
                taken.push((seq, waiting.attempts + 1));
                self.hold(seq, waiting, lease, now);
            }
        }
        while taken.len() < max {
            let Some(stored) = log.get(self.cursor + 1) else {
                break;
            };
            self.cursor += 1;
            let key = stored.message.key.clone();
            let elsewhere = key.as_ref().is_some_and(|key| {
                stopped.contains(key) || holders.get(key).is_some_and(|member| *member != lease.member)
            });
            if elsewhere {
                stopped.extend(key.clone());
                self.waiting.insert(self.cursor, Waiting::new(key, now));
            } else {
                taken.push((self.cursor, 1));
                self.hold(self.cursor, Waiting::new(key, now), lease, now);
            }
        }
        (taken, due)
    }

    /// Takes one poison candidate that is due, if there is one.
    fn take_isolated(&mut self, lease: &Lease, max: usize, now: Instant) -> Isolation {
        let mut mine = self.in_flight.values().filter(|held| held.member == lease.member);
        let holds_since = mine.clone().map(|held| held.since).min();
        // A member waits at most one lease: a member that has held messages for longer is alive.
        let busy = holds_since.map(|since| {
            if now.duration_since(since) < lease.length { Isolation::Waits } else { Isolation::TooLong }
        });
        if mine.any(|held| held.poison.is_candidate)
            && let Some(busy) = busy
        {
            return busy;
        }
        let is_first = |seq: u64, key: &Bytes| {
            !self.in_flight.values().any(|held| held.key.as_ref() == Some(key))
                && !self.waiting.range(..seq).any(|(_, waiting)| waiting.key.as_ref() == Some(key))
        };
        // By time: a message that crashes its members repeatedly must not delay other candidates.
        let found = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.poison.is_candidate && waiting.ready <= now)
            .filter(|(seq, waiting)| waiting.key.as_ref().is_none_or(|key| is_first(**seq, key)))
            .min_by_key(|(seq, waiting)| (waiting.ready, **seq));
        let Some((&seq, _)) = found.filter(|_| max > 0) else {
            return Isolation::None;
        };
        if let Some(busy) = busy {
            return busy;
        }
        let Some(waiting) = self.waiting.remove(&seq) else {
            return Isolation::None;
        };
        let attempt = waiting.attempts + 1;
        self.hold(seq, waiting, lease, now);
        Isolation::Taken(seq, attempt)
    }

    fn hold(&mut self, seq: u64, waiting: Waiting, lease: &Lease, now: Instant) {
        let Waiting { key, attempts, poison, .. } = waiting;
        let held = InFlight {
            key,
            attempts: attempts + 1,
            poison,
            claim: lease.claim,
            member: lease.member,
            since: now,
            until: lease.end(now),
            shared: false,
        };
        self.in_flight.insert(seq, held);
    }

    /// Requeues messages whose lease has expired.
    fn expire(&mut self, log: &Log, now: Instant) {
        let mut over: Vec<(u64, u64)> = self
            .in_flight
            .iter()
            .filter(|(_, held)| held.until <= now)
            .map(|(seq, held)| (*seq, held.member))
            .collect();
        if over.is_empty() {
            return;
        }
        over.sort_unstable();
        let mut open: HashMap<u64, usize> = HashMap::new();
        for held in self.in_flight.values() {
            *open.entry(held.member).or_default() += 1;
        }
        for (seq, member) in over {
            if let Some(held) = self.in_flight.remove(&seq) {
                let alone = open.get(&member) == Some(&1) && !held.shared;
                self.wait(log, seq, held, Requeue::Lost { alone });
                // Messages that the member still holds do not count as held alone.
                let rest = self.in_flight.values_mut().filter(|held| held.member == member);
                rest.for_each(|held| held.shared = true);
            }
        }
    }

    fn wait(&mut self, log: &Log, seq: u64, held: InFlight, how: Requeue) {
        if log.get(seq).is_none() {
            // Retention removed it, and counted it as dropped.
            return;
        }
        let now = Instant::now();
        let InFlight { key, attempts, poison, .. } = held;
        let PoisonState { losses, is_candidate } = poison;
        let (attempts, poison, ready) = match how {
            Requeue::Counted(after) => (attempts, PoisonState::default(), now.later(after)),
            // A released poison candidate waits, so that other messages go first.
            Requeue::Uncounted(after) if is_candidate => {
                (attempts - 1, poison, now.later(after.max(Duration::from_secs(1))))
            }
            Requeue::Uncounted(after) => (attempts - 1, poison, now.later(after)),
            Requeue::Lost { alone: held_alone } if held_alone || is_candidate => {
                (attempts + losses, PoisonState { losses: 0, is_candidate: true }, now)
            }
            Requeue::Lost { .. } => {
                let losses = losses + 1;
                (attempts - 1, PoisonState { losses, is_candidate: losses >= CANDIDATE_AFTER }, now)
            }
        };
        self.waiting.insert(seq, Waiting { key, attempts, poison, ready });
    }

    /// Settles a message that a claim holds.
    pub(super) fn settle(&mut self, seq: u64, claim: u64) -> Result<(), LeaseLost> {
        self.take(seq, claim).map(drop)
    }

    /// Requeues a message that a claim holds.
    pub(super) fn requeue(&mut self, log: &Log, seq: u64, claim: u64, how: Requeue) -> Result<(), LeaseLost> {
        let held = self.take(seq, claim)?;
        self.wait(log, seq, held, how);
        Ok(())
    }

    fn take(&mut self, seq: u64, claim: u64) -> Result<InFlight, LeaseLost> {
        match self.in_flight.remove(&seq) {
            Some(held) if held.claim == claim => Ok(held),
            Some(other) => {
                self.in_flight.insert(seq, other);
                Err(LeaseLost)
            }
            None => Err(LeaseLost),
        }
    }

    /// Renews a lease.
    pub(super) fn renew(&mut self, seq: u64, claim: u64, lease: Duration) -> Result<(), LeaseLost> {
        match self.in_flight.get_mut(&seq) {
            Some(held) if held.claim == claim => {
                held.until = Instant::now().later(lease);
                Ok(())
            }
            _ => Err(LeaseLost),
        }
    }

    /// Discards the state before a message. Returns the number of messages that were not settled.
    pub(super) fn discard_before(&mut self, first: u64) -> u64 {
        let kept = self.waiting.split_off(&first);
        let waiting = std::mem::replace(&mut self.waiting, kept).len() as u64;
        let in_flight = self.in_flight.keys().filter(|seq| **seq < first).count() as u64;
        let ahead = first.saturating_sub(self.cursor + 1);
        self.cursor += ahead;
        waiting + in_flight + ahead
    }
}

/// A claim to be made.
pub(super) struct Lease {
    pub(super) claim: u64,
    pub(super) member: u64,
    pub(super) length: Duration,
}

impl Lease {
    fn end(&self, now: Instant) -> Instant {
        now.later(self.length)
    }
}
