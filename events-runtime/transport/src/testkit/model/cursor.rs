//! The progress of a group: an offset, and exceptions to it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Poison;

/// The progress of one group on a log. Messages are numbered from 0; times are relative to the start.
///
/// Messages before the offset are settled, except those with an [`Exception`]. The model accepts what a transport
/// does, and does not choose: several messages may be due, and a transport may deliver any of them.
#[derive(Debug, Clone, Default)]
pub struct Cursor {
    /// The key of each message ever sent.
    keys: Vec<Option<String>>,
    /// The messages before this one were trimmed.
    removed: usize,
    offset: usize,
    exceptions: BTreeMap<usize, Exception>,
}

/// A message before the offset that is not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exception {
    /// A member holds it.
    InFlight {
        /// The member.
        member: usize,
        /// Its attempts.
        poison: Poison,
    },
    /// It is to be delivered again.
    Waiting {
        /// Its attempts.
        poison: Poison,
        /// It must not be delivered earlier.
        not_before: Duration,
        /// It may be delivered later, but not be held back for longer.
        due: Duration,
    },
}

/// How long a released poison candidate may be held back, so that other messages go first.
const RELEASED_CANDIDATE: Duration = Duration::from_secs(2);

impl Cursor {
    /// Stores a message. Returns its number.
    pub fn send(&mut self, key: Option<&str>) -> usize {
        self.keys.push(key.map(str::to_owned));
        self.keys.len() - 1
    }

    /// The number of messages ever sent.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.keys.len()
    }

    /// The number of messages that are stored.
    #[must_use]
    pub fn stored(&self) -> usize {
        self.keys.len() - self.removed
    }

    /// The numbers of the unsettled messages, in order.
    #[must_use]
    pub fn unsettled(&self) -> Vec<usize> {
        self.exceptions.keys().copied().chain(self.offset..self.keys.len()).collect()
    }

    /// The number of unsettled messages.
    #[must_use]
    pub fn lag(&self) -> usize {
        self.exceptions.len() + self.keys.len() - self.offset
    }

    /// The number of messages that members hold.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.exceptions.values().filter(|exception| matches!(exception, Exception::InFlight { .. })).count()
    }

    /// The messages in flight with a member.
    pub fn held_by(&self, member: usize) -> impl Iterator<Item = (usize, Poison)> {
        self.exceptions.iter().filter_map(move |(index, exception)| match exception {
            Exception::InFlight { member: holder, poison } if *holder == member => Some((*index, *poison)),
            _ => None,
        })
    }

    /// Whether two messages are ordered: they have the same key.
    #[must_use]
    pub fn are_ordered(&self, one: usize, other: usize) -> bool {
        self.keys[one].is_some() && self.keys[one] == self.keys[other]
    }

    /// The state of an unsettled message. A message at or behind the offset waits and was never delivered.
    fn exception(&self, index: usize) -> Option<Exception> {
        let new =
            Exception::Waiting { poison: Poison::default(), not_before: Duration::ZERO, due: Duration::ZERO };
        let is_new = (self.offset..self.keys.len()).contains(&index);
        self.exceptions.get(&index).copied().or(is_new.then_some(new))
    }

    /// Whether a message is the first of its key that is not settled.
    fn is_first(&self, index: usize) -> bool {
        !self.unsettled().into_iter().any(|earlier| earlier < index && self.are_ordered(earlier, index))
    }

    /// Whether a receive by this member must return a message: one is due that no key holds back.
    #[must_use]
    pub fn owes(&self, member: usize, now: Duration) -> bool {
        let due: Vec<Poison> = self
            .unsettled()
            .into_iter()
            .filter(|index| self.is_first(*index))
            .filter_map(|index| match self.exception(index)? {
                Exception::Waiting { poison, due, .. } if due <= now => Some(poison),
                _ => None,
            })
            .collect();
        let holds_candidate = self.held_by(member).any(|(_, poison)| poison.is_candidate());
        let holds_any = self.held_by(member).next().is_some();
        // A candidate waits for a member that holds nothing; until then, such a member receives nothing more.
        let isolates = self.exceptions.values().any(|exception| match exception {
            Exception::Waiting { poison, .. } | Exception::InFlight { poison, .. } => poison.is_candidate(),
        });
        let waits = holds_candidate || (isolates && holds_any);
        !waits && !due.is_empty()
    }

    /// A member received a batch of messages, each with its attempt, unless attempts are not compared.
    ///
    /// # Errors
    /// What is wrong with the delivery.
    pub fn deliver(
        &mut self,
        member: usize,
        batch: &[(usize, Option<u32>)],
        now: Duration,
    ) -> Result<(), String> {
        let held: Vec<_> = self.held_by(member).collect();
        let is_candidate = |index: usize| match self.exception(index) {
            Some(Exception::Waiting { poison, .. }) => poison.is_candidate(),
            _ => false,
        };
        if let Some((candidate, _)) = held.iter().find(|(_, poison)| poison.is_candidate())
            && !batch.is_empty()
        {
            return Err(format!("{batch:?} was delivered beside the candidate {candidate}"));
        }
        if batch.iter().any(|(index, _)| is_candidate(*index)) && (batch.len() > 1 || !held.is_empty()) {
            return Err(format!("a candidate of {batch:?} is not isolated; the member holds {held:?}"));
        }
        batch.iter().try_for_each(|(index, attempt)| self.deliver_one(member, *index, *attempt, now))
    }

    fn deliver_one(
        &mut self,
        member: usize,
        index: usize,
        attempt: Option<u32>,
        now: Duration,
    ) -> Result<(), String> {
        let (poison, not_before) = match self.exception(index) {
            Some(Exception::Waiting { poison, not_before, .. }) => (poison, not_before),
            Some(Exception::InFlight { member, .. }) => {
                return Err(format!("{index} was delivered while member {member} holds it"));
            }
            None => return Err(format!("{index} was delivered, but is settled")),
        };
        if now < not_before {
            return Err(format!("{index} was delivered at {now:?}, and is due at {not_before:?}"));
        }
        if let Some(attempt) = attempt
            && attempt != poison.next_attempt()
        {
            return Err(format!("{index} has the attempt {attempt}, expected {}", poison.next_attempt()));
        }
        for earlier in self.unsettled().into_iter().filter(|earlier| *earlier < index) {
            let is_held = matches!(
                self.exception(earlier),
                Some(Exception::InFlight { member: holder, .. }) if holder == member
            );
            if self.are_ordered(earlier, index) && !is_held {
                return Err(format!("{index} was delivered before {earlier}, which has the same key"));
            }
        }
        self.advance(index + 1);
        self.exceptions.insert(index, Exception::InFlight { member, poison });
        Ok(())
    }

    /// Moves the offset forward. Messages that are passed wait.
    fn advance(&mut self, offset: usize) {
        for passed in self.offset..offset {
            let waiting = self.exception(passed);
            self.exceptions.extend(waiting.map(|waiting| (passed, waiting)));
        }
        self.offset = self.offset.max(offset);
    }

    /// A message in flight is settled.
    pub fn settle(&mut self, index: usize) {
        self.exceptions.remove(&index);
    }

    /// A message in flight is returned with its attempt counted, and comes back after a delay.
    pub fn retry(&mut self, index: usize, now: Duration, delay: Duration) {
        self.wait(index, now + delay, now + delay, Poison::returned);
    }

    /// A message in flight is returned as if it had not been delivered.
    pub fn release(&mut self, index: usize, now: Duration) {
        self.postpone(index, now, Duration::ZERO);
    }

    /// A message in flight is returned without counting its attempt, and comes back after a delay.
    pub fn postpone(&mut self, index: usize, now: Duration, delay: Duration) {
        let is_candidate = matches!(
            self.exceptions.get(&index),
            Some(Exception::InFlight { poison, .. }) if poison.is_candidate()
        );
        let due = now + if is_candidate { delay.max(RELEASED_CANDIDATE) } else { delay };
        let not_before = if delay.is_zero() { Duration::ZERO } else { now + delay };
        self.wait(index, not_before, due, |_| ());
    }

    /// A member was lost: its leases end.
    pub fn lose(&mut self, member: usize, now: Duration) {
        let held: Vec<usize> = self.held_by(member).map(|(index, _)| index).collect();
        for index in &held {
            self.wait(*index, Duration::ZERO, now, |poison| poison.lost(held.len() == 1));
        }
    }

    fn wait(&mut self, index: usize, not_before: Duration, due: Duration, change: impl FnOnce(&mut Poison)) {
        if let Some(Exception::InFlight { mut poison, .. }) = self.exceptions.remove(&index) {
            change(&mut poison);
            self.exceptions.insert(index, Exception::Waiting { poison, not_before, due });
        }
    }

    /// The group is moved to a message: leases, retries and attempts are forgotten.
    pub fn seek(&mut self, index: usize) {
        self.offset = index.clamp(self.removed, self.keys.len());
        self.exceptions.clear();
    }

    /// Retention removes what is settled, except the last `kept` messages.
    pub fn trim(&mut self, kept: usize) {
        let settled = self.unsettled().first().copied().unwrap_or(self.keys.len());
        self.removed = settled.min(self.keys.len().saturating_sub(kept)).max(self.removed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    fn three_of_a_key() -> Cursor {
        let mut cursor = Cursor::default();
        for _ in 0..3 {
            cursor.send(Some("a"));
        }
        cursor
    }

    #[test]
    fn a_key_is_delivered_in_order_to_one_member() {
        let mut cursor = three_of_a_key();
        assert!(cursor.clone().deliver(0, &[(1, Some(1))], NOW).is_err(), "0 comes first");
        cursor.deliver(0, &[(0, Some(1))], NOW).expect("allowed");
        assert!(!cursor.owes(1, NOW), "the key is in flight");
        assert!(cursor.clone().deliver(1, &[(1, Some(1))], NOW).is_err(), "another member");
        cursor.deliver(0, &[(1, Some(1))], NOW).expect("allowed");
        assert_eq!((cursor.lag(), cursor.in_flight()), (3, 2));
        cursor.settle(1);
        cursor.settle(0);
        assert_eq!(cursor.unsettled(), [2]);
    }

    #[test]
    fn a_retry_waits_and_counts_a_postponed_message_waits_and_a_release_does_neither() {
        let mut cursor = three_of_a_key();
        cursor.deliver(0, &[(0, Some(1))], NOW).expect("allowed");
        cursor.retry(0, NOW, NOW);
        assert!(!cursor.owes(0, NOW));
        assert!(cursor.clone().deliver(0, &[(0, Some(2))], NOW).is_err(), "too early");
        cursor.deliver(0, &[(0, Some(2))], 2 * NOW).expect("allowed");
        cursor.release(0, 2 * NOW);
        assert!(cursor.owes(1, 2 * NOW));
        cursor.deliver(1, &[(0, Some(2))], 2 * NOW).expect("allowed");
        cursor.postpone(0, 2 * NOW, NOW);
        assert!(!cursor.owes(1, 2 * NOW), "a postponed message waits");
        assert!(cursor.clone().deliver(1, &[(0, Some(2))], 2 * NOW).is_err(), "too early");
        cursor.deliver(1, &[(0, Some(2))], 3 * NOW).expect("allowed, and not counted");
    }

    #[test]
    fn retention_keeps_what_is_not_settled_and_a_seek_finds_what_is_kept() {
        let mut cursor = three_of_a_key();
        cursor.deliver(0, &[(0, None), (1, None)], NOW).expect("allowed");
        cursor.settle(0);
        cursor.trim(0);
        assert_eq!(cursor.stored(), 2);
        cursor.seek(0);
        assert_eq!((cursor.unsettled(), cursor.in_flight()), (vec![1, 2], 0));
    }

    #[test]
    fn a_candidate_is_isolated() {
        let mut cursor = Cursor::default();
        for _ in 0..2 {
            cursor.send(None);
        }
        for member in 0..2 {
            cursor.deliver(member, &[(0, Some(1)), (1, Some(1))], NOW).expect("allowed");
            cursor.lose(member, NOW);
        }
        assert!(cursor.clone().deliver(2, &[(0, Some(1)), (1, Some(1))], NOW).is_err());
        cursor.deliver(2, &[(0, Some(1))], NOW).expect("allowed");
        assert!(!cursor.owes(2, NOW) && cursor.owes(3, NOW));
        cursor.lose(2, NOW);
        cursor.deliver(3, &[(0, Some(4))], NOW).expect("all losses count");
    }
}
