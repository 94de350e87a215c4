//! The state of one assigned partition: what was fetched, what is in flight, and what waits.
//!
//! A message is fetched, then claimed by a `receive`, then settled. The messages of a key are delivered in order:
//! while one of them waits for a retry, the later ones of the key are set aside, and those of other keys go on.
//! So the settled messages are not a prefix of the partition; [`Progress`] is what the commit says of them.
//!
//! Offsets that are missing from the log (compaction, transaction markers, retention) count as settled.

mod claim;
mod record;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use events_transport::Later as _;

pub(crate) use self::record::{Claimed, Held, Lease, LeaseLost, Now, Record, Requeue, millis_since_1970};
use crate::progress::{Exception, Progress};

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

    /// The number of messages that no claim has looked at yet.
    pub(crate) fn fresh(&self) -> usize {
        self.fresh.len()
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
