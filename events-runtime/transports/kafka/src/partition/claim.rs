//! Which messages a claim takes, and when their leases end.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use events_transport::Later as _;

use super::{Claimed, InFlight, Lease, Now, Partition, Record, Requeue, Waiting};

impl Partition {
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
        let before = taken.len();
        let most = before.saturating_add(max);
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
        // Thousands may be fresh: they are looked at only if none of them was taken.
        if taken.len() == before {
            let fresh =
                self.fresh.iter().map(|(_, record)| record.due()).filter(|due| *due > now.millis).min();
            due = [due, fresh.map(|due| now.at(due))].into_iter().flatten().min();
        }
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
        // The latest of each key.
        let in_flight: HashMap<&Bytes, u64> =
            self.in_flight.iter().filter_map(|(offset, held)| Some((held.record.key()?, *offset))).collect();
        for (&offset, waiting) in &self.waiting {
            let key = waiting.record.key();
            // A later message of the key may be in flight: it was delivered first, and is settled first.
            let is_behind = key.is_some_and(|key| {
                stopped.contains(key) || in_flight.get(key).is_some_and(|latest| *latest > offset)
            });
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
}
