//! The state of one assigned partition: what was fetched, what is in flight, and what waits.
//!
//! A message is fetched, then claimed by a `receive`, then settled. The messages of a key are delivered in order:
//! while one of them waits for a retry, the later ones of the key are set aside, and those of other keys go on.
//! So the settled messages are not a prefix of the partition; [`Progress`] is what the commit says of them.
//!
//! Offsets that are missing from the log (compaction, transaction markers, retention) count as settled.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use events_transport::{Later as _, Message, Position};

use crate::progress::{Exception, Progress};
use crate::retry_topics::headers::Retried;

#[cfg(test)]
mod tests;

/// A fetched message.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// The message, as it is delivered.
    pub(crate) message: Message,
    /// When it was stored.
    pub(crate) time: SystemTime,
    /// Of a message in a retry topic: where it comes from, and when it is due.
    pub(crate) retried: Option<Retried>,
}

/// A message that a `receive` has taken.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) offset: u64,
    pub(crate) attempt: u32,
    pub(crate) record: Record,
}

/// The same instant on the clock that only rises and on the one that other processes share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) instant: Instant,
    pub(crate) millis: u64,
}

/// A claim to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    /// The number of the claim, which is the token of its receipts.
    pub(crate) claim: u64,
    pub(crate) length: Duration,
}

/// The claim no longer holds the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaseLost;

/// How a delivery is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requeue {
    /// The attempt counts; due after this time.
    Counted(Duration),
    /// As if it had not been delivered; due after this time.
    Uncounted(Duration),
}

/// An assigned partition.
#[derive(Debug)]
pub(crate) struct Partition {
    /// The offset after the last fetched message.
    next: u64,
    /// Fetched, and not looked at by a claim.
    fresh: VecDeque<(u64, Record)>,
    in_flight: BTreeMap<u64, InFlight>,
    /// Delivered before, to be delivered again.
    waiting: BTreeMap<u64, Waiting>,
    /// Messages that were not delivered, behind a waiting one of their key. All later messages of the key follow
    /// them here.
    blocked: HashMap<Bytes, VecDeque<(u64, Record)>>,
    /// What an earlier member committed of messages that are not fetched yet.
    restored: Progress,
    held: Held,
    /// A lease ends at this time or later.
    next_expiry: Option<Instant>,
}

/// How much is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Held {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

#[derive(Debug)]
struct InFlight {
    record: Record,
    /// The current one included.
    attempts: u32,
    claim: u64,
    until: Instant,
    /// Its dead letter, its retry or its outputs are being stored: the lease does not end.
    is_leaving: bool,
}

#[derive(Debug)]
struct Waiting {
    record: Record,
    attempts: u32,
    ready: Instant,
    /// The time of `ready` in milliseconds since 1970; 0 if it was ready at once.
    due: u64,
}

impl Now {
    /// The time.
    pub(crate) fn new() -> Self {
        let millis = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
        Self { instant: Instant::now(), millis: u64::try_from(millis).unwrap_or(u64::MAX) }
    }

    /// The time after a delay, in milliseconds since 1970.
    pub(crate) fn later(self, after: Duration) -> u64 {
        self.millis.saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX))
    }

    /// The instant of a time in milliseconds since 1970; now if that has passed.
    fn at(self, millis: u64) -> Instant {
        self.instant.later(Duration::from_millis(millis.saturating_sub(self.millis)))
    }
}

impl Record {
    /// The key by which the messages of the partition have an order, which those of a retry topic have not.
    fn key(&self) -> Option<&Bytes> {
        self.message.key.as_ref().filter(|_| self.retried.is_none())
    }

    /// The attempts before it was stored.
    fn attempts(&self) -> u32 {
        self.retried.map_or(0, |retried| retried.attempts)
    }

    /// When it is due, in milliseconds since 1970; 0 for at once.
    fn due(&self) -> u64 {
        self.retried.map_or(0, |retried| retried.due)
    }

    /// The position of the message in its topic, if it is at this one now.
    pub(crate) fn position(&self, partition: u32, offset: u64) -> Position {
        self.retried.map_or(Position::Record { partition, offset }, |retried| retried.position)
    }

    /// When the message was stored in its topic.
    pub(crate) fn stored(&self) -> SystemTime {
        self.retried.map_or(self.time, |retried| retried.stored)
    }

    /// An estimate of the memory that it uses.
    fn size(&self) -> usize {
        size_of::<Self>() + self.message.headers.len() * 64 + self.message.size()
    }
}

impl Held {
    fn add(&mut self, record: &Record) {
        self.messages += 1;
        self.bytes += record.size();
    }

    fn remove(&mut self, record: &Record) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(record.size());
    }
}

impl Partition {
    /// A partition that continues at committed progress.
    pub(crate) fn new(progress: Progress) -> Self {
        Self {
            next: progress.offset(),
            fresh: VecDeque::new(),
            in_flight: BTreeMap::new(),
            waiting: BTreeMap::new(),
            blocked: HashMap::new(),
            restored: progress,
            held: Held::default(),
            next_expiry: None,
        }
    }

    /// The offset after the last fetched message.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// What is in memory.
    pub(crate) const fn held(&self) -> Held {
        self.held
    }

    /// The number of messages in flight.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The number of messages that wait for a retry, and of those behind them.
    pub(crate) fn held_back(&self) -> (usize, usize) {
        (self.waiting.len(), self.blocked.values().map(VecDeque::len).sum())
    }

    /// Whether a claim may find a message that was not looked at yet.
    pub(crate) fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Adds a fetched message. One that is settled already is skipped.
    pub(crate) fn push(&mut self, offset: u64, record: Record, now: Now) {
        if offset < self.next {
            return;
        }
        self.next = offset.saturating_add(1);
        if offset < self.restored.cursor {
            // The log no longer has the messages before.
            self.restored.exceptions = self.restored.exceptions.split_off(&offset);
            if let Some(Exception { attempts, due }) = self.restored.exceptions.remove(&offset) {
                self.held.add(&record);
                let (attempts, due) = (attempts.max(record.attempts()), due.max(record.due()));
                self.waiting.insert(offset, Waiting { record, attempts, ready: now.at(due), due });
            }
            return;
        }
        self.restored.exceptions.clear();
        self.held.add(&record);
        self.fresh.push_back((offset, record));
    }

    /// Skips offsets before this one that were not pushed: they hold nothing that is delivered. Returns whether there
    /// were any.
    pub(crate) fn skip_to(&mut self, offset: u64) -> bool {
        if offset <= self.next {
            return false;
        }
        self.next = offset;
        self.restored.exceptions = self.restored.exceptions.split_off(&offset);
        true
    }

    /// Claims up to `max` messages, in order, and adds them to `taken`. Returns when to look again if there are
    /// none.
    pub(crate) fn claim(
        &mut self,
        max: usize,
        lease: Lease,
        now: Now,
        taken: &mut Vec<Claimed>,
    ) -> Option<Instant> {
        self.expire(now);
        let most = taken.len().saturating_add(max);
        // Keys with a message that is not claimed.
        let mut stopped = HashSet::new();
        let mut due = self.claim_waiting(most, lease, now, taken, &mut stopped);
        self.claim_blocked(most, lease, now, taken, &mut stopped);
        while taken.len() < most {
            let Some((offset, record)) = self.next_fresh(now) else { break };
            match record.key() {
                Some(key) if stopped.contains(key) || self.blocked.contains_key(key) => {
                    self.blocked.entry(key.clone()).or_default().push_back((offset, record));
                }
                _ => {
                    let attempts = record.attempts();
                    taken.push(self.hold(offset, record, attempts, lease, now));
                }
            }
        }
        let fresh = self.fresh.iter().map(|(_, record)| record.due()).filter(|due| *due > now.millis).min();
        due = [due, fresh.map(|due| now.at(due))].into_iter().flatten().min();
        if let Some(expiry) = self.next_expiry {
            due = Some(due.map_or(expiry, |due: Instant| due.min(expiry)));
        }
        due
    }

    /// Takes the first message that is due. In a retry topic, those before it wait with an exception each, so that the
    /// others need none.
    fn next_fresh(&mut self, now: Now) -> Option<(u64, Record)> {
        let first = self.fresh.iter().position(|(_, record)| record.due() <= now.millis)?;
        for (offset, record) in self.fresh.drain(..first) {
            let (attempts, due) = (record.attempts(), record.due());
            self.waiting.insert(offset, Waiting { record, attempts, ready: now.at(due), due });
        }
        self.fresh.pop_front()
    }

    fn claim_waiting(
        &mut self,
        most: usize,
        lease: Lease,
        now: Now,
        taken: &mut Vec<Claimed>,
        stopped: &mut HashSet<Bytes>,
    ) -> Option<Instant> {
        if self.waiting.is_empty() {
            return None;
        }
        let (mut due, mut due_now) = (None::<Instant>, Vec::new());
        let in_flight: HashSet<&Bytes> =
            self.in_flight.values().filter_map(|held| held.record.key()).collect();
        for (&offset, waiting) in &self.waiting {
            let key = waiting.record.key();
            // A later message of the key may be in flight: it was delivered first, and is settled first.
            let is_behind = key.is_some_and(|key| stopped.contains(key) || in_flight.contains(key));
            if !is_behind && waiting.ready <= now.instant && taken.len() + due_now.len() < most {
                due_now.push(offset);
                continue;
            }
            if !is_behind {
                due = Some(due.map_or(waiting.ready, |due| due.min(waiting.ready)));
            }
            if let Some(key) = key
                && !stopped.contains(key)
            {
                stopped.insert(key.clone());
            }
        }
        for offset in due_now {
            if let Some(Waiting { record, attempts, .. }) = self.waiting.remove(&offset) {
                taken.push(self.hold(offset, record, attempts, lease, now));
            }
        }
        due
    }

    /// Claims what is no longer behind a waiting message.
    fn claim_blocked(
        &mut self,
        most: usize,
        lease: Lease,
        now: Now,
        taken: &mut Vec<Claimed>,
        stopped: &mut HashSet<Bytes>,
    ) {
        let mut free: Vec<(u64, Bytes)> = self
            .blocked
            .iter()
            .filter(|(key, _)| !stopped.contains(*key))
            .filter_map(|(key, records)| Some((records.front()?.0, key.clone())))
            .collect();
        free.sort_unstable_by_key(|(offset, _)| *offset);
        for (_, key) in free {
            while taken.len() < most {
                let Some(records) = self.blocked.get_mut(&key) else { break };
                let record = records.pop_front();
                if records.is_empty() {
                    self.blocked.remove(&key);
                }
                let Some((offset, record)) = record else { break };
                taken.push(self.hold(offset, record, 0, lease, now));
            }
        }
    }

    fn hold(&mut self, offset: u64, record: Record, attempts: u32, lease: Lease, now: Now) -> Claimed {
        let until = now.instant.later(lease.length);
        self.next_expiry = Some(self.next_expiry.map_or(until, |expiry| expiry.min(until)));
        let attempt = attempts.saturating_add(1);
        let held = InFlight {
            record: record.clone(),
            attempts: attempt,
            claim: lease.claim,
            until,
            is_leaving: false,
        };
        self.in_flight.insert(offset, held);
        Claimed { offset, attempt, record }
    }

    /// Requeues messages whose lease has ended: the attempt counts. Returns their number.
    pub(crate) fn expire(&mut self, now: Now) -> usize {
        if self.next_expiry.is_none_or(|expiry| expiry > now.instant) {
            return 0;
        }
        let is_over = |held: &InFlight| held.until <= now.instant && !held.is_leaving;
        let over: Vec<u64> =
            self.in_flight.iter().filter(|(_, held)| is_over(held)).map(|(offset, _)| *offset).collect();
        for &offset in &over {
            if let Some(held) = self.in_flight.remove(&offset) {
                self.wait(offset, held, Requeue::Counted(Duration::ZERO), now);
            }
        }
        let running = self.in_flight.values().filter(|held| !held.is_leaving);
        self.next_expiry = running.map(|held| held.until).min();
        over.len()
    }

    /// Settles a message that a claim holds.
    pub(crate) fn settle(&mut self, offset: u64, claim: u64) -> Result<(), LeaseLost> {
        let held = self.take(offset, claim)?;
        self.held.remove(&held.record);
        Ok(())
    }

    /// Returns a message that a claim holds.
    pub(crate) fn requeue(
        &mut self,
        offset: u64,
        claim: u64,
        how: Requeue,
        now: Now,
    ) -> Result<(), LeaseLost> {
        let held = self.take(offset, claim)?;
        self.wait(offset, held, how, now);
        Ok(())
    }

    /// Keeps a message from being delivered again while its dead letter, its retry or its outputs are stored.
    pub(crate) fn leave(&mut self, offset: u64, claim: u64) -> Result<(), LeaseLost> {
        let held = self.held_by(offset, claim)?;
        if held.is_leaving {
            return Err(LeaseLost);
        }
        held.is_leaving = true;
        Ok(())
    }

    /// Whether a claim keeps a message in flight while something of it is stored.
    pub(crate) fn is_leaving(&self, offset: u64, claim: u64) -> bool {
        self.in_flight.get(&offset).is_some_and(|held| held.claim == claim && held.is_leaving)
    }

    /// Whether a message in flight has an earlier one of its key that waits for a retry.
    pub(crate) fn is_behind(&self, offset: u64) -> bool {
        let held = self.in_flight.get(&offset).and_then(|held| held.record.key());
        held.is_some_and(|key| {
            self.waiting.range(..offset).any(|(_, waiting)| waiting.record.key() == Some(key))
        })
    }

    /// Renews the lease of a message.
    pub(crate) fn renew(&mut self, offset: u64, lease: Lease, now: Now) -> Result<(), LeaseLost> {
        let held = self.held_by(offset, lease.claim)?;
        held.until = now.instant.later(lease.length);
        Ok(())
    }

    /// A message that a claim holds, and its attempts, the current one included.
    pub(crate) fn held_by_claim(&self, offset: u64, claim: u64) -> Option<(Record, u32)> {
        let held = self.in_flight.get(&offset).filter(|held| held.claim == claim)?;
        Some((held.record.clone(), held.attempts))
    }

    fn held_by(&mut self, offset: u64, claim: u64) -> Result<&mut InFlight, LeaseLost> {
        self.in_flight.get_mut(&offset).filter(|held| held.claim == claim).ok_or(LeaseLost)
    }

    fn take(&mut self, offset: u64, claim: u64) -> Result<InFlight, LeaseLost> {
        self.held_by(offset, claim)?;
        self.in_flight.remove(&offset).ok_or(LeaseLost)
    }

    fn wait(&mut self, offset: u64, held: InFlight, how: Requeue, now: Now) {
        let InFlight { record, attempts, .. } = held;
        let (attempts, after) = match how {
            Requeue::Counted(after) => (attempts, after),
            Requeue::Uncounted(after) => (attempts.saturating_sub(1), after),
        };
        let due = if after.is_zero() { 0 } else { now.later(after) };
        self.waiting.insert(offset, Waiting { record, attempts, ready: now.instant.later(after), due });
    }

    /// The progress to commit. What is in flight counts as not delivered.
    pub(crate) fn progress(&self) -> Progress {
        let cursor = match self.fresh.front() {
            Some((offset, _)) => *offset,
            None => self.next.max(self.restored.cursor),
        };
        let mut exceptions = self.restored.exceptions.clone();
        exceptions.extend(
            self.waiting.iter().map(|(offset, waiting)| {
                (*offset, Exception { attempts: waiting.attempts, due: waiting.due })
            }),
        );
        exceptions.extend(self.in_flight.iter().map(|(offset, held)| {
            (*offset, Exception { attempts: held.attempts.saturating_sub(1), due: 0 })
        }));
        let blocked = self.blocked.values().flatten();
        exceptions.extend(blocked.map(|(offset, _)| (*offset, Exception::default())));
        Progress { cursor, exceptions }
    }
}
