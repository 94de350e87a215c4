//! A group's progress on a topic: what is in flight, what waits, and who may have what.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::log::Log;
use crate::clock::Later as _;

/// A group on a topic. Every message up to `cursor` is settled, in flight or waiting.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) cursor: u64,
    in_flight: BTreeMap<u64, InFlight>,
    waiting: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct InFlight {
    key: Option<Bytes>,
    attempts: u32,
    poison: PoisonState,
    claim: u64,
    member: u64,
    /// When it was handed out.
    since: Instant,
    until: Instant,
    /// Another message of the member was lost before.
    shared: bool,
}

#[derive(Debug)]
struct Waiting {
    key: Option<Bytes>,
    attempts: u32,
    poison: PoisonState,
    ready: Instant,
}

/// Whether a message is the end of the members that hold it, by blocking them beyond their lease.
#[derive(Debug, Clone, Copy, Default)]
struct PoisonState {
    /// The members that were lost holding it among others, which its attempts leave out.
    losses: u32,
    /// It goes out alone, to a member that holds nothing else.
    alone: bool,
}

/// A message whose members were lost so often, among others, goes out alone.
const ALONE_AFTER: u32 = 2;

/// How long until a member that may not have a message yet looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A message that is no longer held by the claim that settles it.
#[derive(Debug)]
pub(super) struct LeaseLost;

/// How a delivery goes back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Requeue {
    /// With its attempt counted, after a time.
    Counted(Duration),
    /// As if it had never been handed out.
    Uncounted,
    /// Its member was lost, and held this message alone or others too.
    Lost { alone: bool },
}

/// What became of the messages that go out alone.
enum Isolation {
    /// There is none now.
    None,
    /// This one was taken, at this attempt.
    Taken(u64, u32),
    /// The member has one, or must have nothing else first.
    Waits,
    /// The same, and it has waited long enough for that.
    TooLong,
}

impl Waiting {
    /// A message that was never out.
    const fn new(key: Option<Bytes>, ready: Instant) -> Self {
        Self { key, attempts: 0, poison: PoisonState { losses: 0, alone: false }, ready }
    }
}

impl Group {
    pub(super) const fn at(cursor: u64) -> Self {
        Self { cursor, in_flight: BTreeMap::new(), waiting: BTreeMap::new() }
    }

    /// The first message that is not settled.
    pub(super) fn low_water(&self) -> u64 {
        let in_flight = self.in_flight.first_key_value().map(|(seq, _)| *seq);
        let waiting = self.waiting.first_key_value().map(|(seq, _)| *seq);
        [in_flight, waiting].into_iter().flatten().fold(self.cursor + 1, u64::min)
    }

    /// Whether a message of the topic is not settled.
    pub(super) fn is_unsettled(&self, seq: u64) -> bool {
        seq > self.cursor || self.in_flight.contains_key(&seq) || self.waiting.contains_key(&seq)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Hands up to `max` messages to a member: sequence and attempt of each, in order. Where
    /// there is none, when to look again.
    pub(super) fn claim(
        &mut self,
        log: &Log,
        lease: &Lease,
        max: usize,
    ) -> (Vec<(u64, u32)>, Option<Instant>) {
        let now = Instant::now();
        self.expire(log, now);
        // Whether messages that go out alone are left to another member or another time.
        let mut isolates = true;
        match self.alone(lease, max, now) {
            Isolation::None => {}
            Isolation::TooLong => isolates = false,
            Isolation::Taken(seq, attempt) => return (vec![(seq, attempt)], None),
            Isolation::Waits => return (Vec::new(), Some(now + LOOK_AGAIN)),
        }
        let mut taken = Vec::new();
        let holders: HashMap<Bytes, u64> =
            self.in_flight.values().filter_map(|held| Some((held.key.clone()?, held.member))).collect();
        // Keys whose earliest unsettled message stays where it is.
        let mut stopped: HashSet<Bytes> = HashSet::new();
        let mut due: Option<Instant> = self.in_flight.values().map(|held| held.until).min();

        let mut come = Vec::new();
        for (&seq, waiting) in &self.waiting {
            if come.len() == max {
                break;
            }
            let held =
                waiting.key.as_ref().is_some_and(|key| stopped.contains(key) || holders.contains_key(key));
            if held || waiting.ready > now || (isolates && waiting.poison.alone) {
                if !held {
                    due = Some(due.map_or(waiting.ready, |due| due.min(waiting.ready)));
                }
                stopped.extend(waiting.key.clone());
            } else {
                come.push(seq);
            }
        }
        for seq in come {
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

    /// Hands out one message that goes out alone, where there is one whose time has come.
    fn alone(&mut self, lease: &Lease, max: usize, now: Instant) -> Isolation {
        let mut mine = self.in_flight.values().filter(|held| held.member == lease.member);
        let holds_since = mine.clone().map(|held| held.since).min();
        // Nobody waits for longer than a lease: who has held something for so long is alive and at work.
        let busy = holds_since.map(|since| {
            if now.duration_since(since) < lease.length { Isolation::Waits } else { Isolation::TooLong }
        });
        if mine.any(|held| held.poison.alone)
            && let Some(busy) = busy
        {
            return busy;
        }
        let is_first = |seq: u64, key: &Bytes| {
            !self.in_flight.values().any(|held| held.key.as_ref() == Some(key))
                && !self.waiting.range(..seq).any(|(_, waiting)| waiting.key.as_ref() == Some(key))
        };
        // By time: one that ends its members again and again must not keep the others waiting.
        let found = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.poison.alone && waiting.ready <= now)
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

    /// Puts back what is held beyond its lease. A lost member counts as an attempt only where it held
    /// one message: which of several was its end is not known.
    fn expire(&mut self, log: &Log, now: Instant) {
        let over: Vec<(u64, u64)> = self
            .in_flight
            .iter()
            .filter(|(_, held)| held.until <= now)
            .map(|(seq, held)| (*seq, held.member))
            .collect();
        let mut open: HashMap<u64, usize> = HashMap::new();
        for held in self.in_flight.values() {
            *open.entry(held.member).or_default() += 1;
        }
        for (seq, member) in over {
            if let Some(held) = self.in_flight.remove(&seq) {
                let alone = open.get(&member) == Some(&1) && !held.shared;
                self.wait(log, seq, held, Requeue::Lost { alone });
                // What the member still holds is not alone although it will be all that is left.
                let rest = self.in_flight.values_mut().filter(|held| held.member == member);
                rest.for_each(|held| held.shared = true);
            }
        }
    }

    fn wait(&mut self, log: &Log, seq: u64, held: InFlight, how: Requeue) {
        if log.get(seq).is_none() {
            // Retention took it; it was counted as dropped then.
            return;
        }
        let now = Instant::now();
        let InFlight { key, attempts, poison, .. } = held;
        let PoisonState { losses, alone } = poison;
        let (attempts, poison, ready) = match how {
            Requeue::Counted(after) => (attempts, PoisonState::default(), now.later(after)),
            // One that goes out alone and comes back untouched lets others go first.
            Requeue::Uncounted if alone => (attempts - 1, poison, now.later(Duration::from_secs(1))),
            Requeue::Uncounted => (attempts - 1, poison, now),
            Requeue::Lost { alone: held_alone } if held_alone || alone => {
                (attempts + losses, PoisonState { losses: 0, alone: true }, now)
            }
            Requeue::Lost { .. } => {
                let losses = losses + 1;
                (attempts - 1, PoisonState { losses, alone: losses >= ALONE_AFTER }, now)
            }
        };
        self.waiting.insert(seq, Waiting { key, attempts, poison, ready });
    }

    /// Settles a message that the claim holds.
    pub(super) fn finish(&mut self, seq: u64, claim: u64) -> Result<(), LeaseLost> {
        self.take(seq, claim).map(drop)
    }

    /// Puts a message back that the claim holds.
    pub(super) fn put_back(
        &mut self,
        log: &Log,
        seq: u64,
        claim: u64,
        how: Requeue,
    ) -> Result<(), LeaseLost> {
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

    /// Starts a lease anew.
    pub(super) fn renew(&mut self, seq: u64, claim: u64, lease: Duration) -> Result<(), LeaseLost> {
        match self.in_flight.get_mut(&seq) {
            Some(held) if held.claim == claim => {
                held.until = Instant::now().later(lease);
                Ok(())
            }
            _ => Err(LeaseLost),
        }
    }

    /// Forgets what stands before this message; says how much of it was not settled.
    pub(super) fn forget_before(&mut self, first: u64) -> u64 {
        let kept = self.waiting.split_off(&first);
        let waiting = std::mem::replace(&mut self.waiting, kept).len() as u64;
        let in_flight = self.in_flight.range(..first).count() as u64;
        let ahead = first.saturating_sub(self.cursor + 1);
        self.cursor += ahead;
        waiting + in_flight + ahead
    }
}

/// A claim about to be made.
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
