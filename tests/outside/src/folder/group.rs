//! The progress of a group, and its claims.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use events_runtime::transport::{ConsumerGroup, GroupStatus, Position};
use serde::{Deserialize, Serialize};

/// Messages up to `offset` are settled, except those with an exception.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Group {
    offset: u64,
    exceptions: BTreeMap<u64, Exception>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Exception {
    key: Option<Vec<u8>>,
    /// Includes the delivery in flight.
    attempts: u32,
    state: State,
}

/// Times are in milliseconds since 1970.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum State {
    InFlight { member: u64, claim: u64, until: u64 },
    Waiting { ready: u64 },
}

/// How a message in flight is returned.
pub(super) enum Returned {
    /// As a counted attempt, not before this time.
    Counted(u64),
    /// As if it had not been delivered, not before this time.
    Uncounted(u64),
}

/// What a member asks for.
pub(super) struct Claim {
    pub(super) member: u64,
    pub(super) number: u64,
    pub(super) max: usize,
    pub(super) now: u64,
    pub(super) until: u64,
}

impl Group {
    pub(super) fn at(offset: u64) -> Self {
        Self { offset, exceptions: BTreeMap::new() }
    }

    pub(super) fn is_unsettled(&self, number: u64) -> bool {
        number > self.offset || self.exceptions.contains_key(&number)
    }

    pub(super) fn status(&self, name: ConsumerGroup, last: u64) -> GroupStatus {
        let is_in_flight = |exception: &&Exception| matches!(exception.state, State::InFlight { .. });
        let (all, in_flight) = (self.exceptions.len(), self.exceptions.values().filter(is_in_flight).count());
        let lag = all as u64 + last.saturating_sub(self.offset);
        let first = self.exceptions.first_key_value().map_or(self.offset + 1, |(number, _)| *number);
        GroupStatus::new(name, lag, in_flight as u64, (all - in_flight) as u64)
            .next((lag > 0).then_some(Position::Sequence(first)))
    }

    /// Takes up to `max` messages for a member. Returns the number and the attempt of each.
    ///
    /// The messages of a key in flight are its earliest unsettled ones, held by one member: a message waits while
    /// an earlier one of its key waits or another member holds one.
    pub(super) fn claim(
        &mut self,
        claim: &Claim,
        last: u64,
        key_of: impl Fn(u64) -> io::Result<Option<Vec<u8>>>,
    ) -> io::Result<Vec<(u64, u32)>> {
        self.expire(claim.now);
        let holders: HashMap<Vec<u8>, u64> = self
            .exceptions
            .values()
            .filter_map(|exception| match exception.state {
                State::InFlight { member, .. } => Some((exception.key.clone()?, member)),
                State::Waiting { .. } => None,
            })
            .collect();
        let mut blocked: HashSet<Vec<u8>> = HashSet::new();
        let mut taken = Vec::new();
        for (number, exception) in &mut self.exceptions {
            let State::Waiting { ready } = exception.state else { continue };
            let is_held =
                exception.key.as_ref().is_some_and(|key| holders.contains_key(key) || blocked.contains(key));
            if is_held || ready > claim.now || taken.len() == claim.max {
                blocked.extend(exception.key.clone());
            } else {
                taken.push((*number, exception.deliver(claim)));
            }
        }
        while taken.len() < claim.max && self.offset < last {
            self.offset += 1;
            let mut exception = Exception {
                key: key_of(self.offset)?,
                attempts: 0,
                state: State::Waiting { ready: claim.now },
            };
            let is_held = exception.key.as_ref().is_some_and(|key| {
                blocked.contains(key) || holders.get(key).is_some_and(|member| *member != claim.member)
            });
            if is_held {
                blocked.extend(exception.key.clone());
            } else {
                taken.push((self.offset, exception.deliver(claim)));
            }
            let _ = self.exceptions.insert(self.offset, exception);
        }
        Ok(taken)
    }

    /// Returns the messages whose lease has ended.
    fn expire(&mut self, now: u64) {
        for exception in self.exceptions.values_mut() {
            if matches!(exception.state, State::InFlight { until, .. } if until <= now) {
                exception.state = State::Waiting { ready: now };
            }
        }
    }

    /// A message that this claim holds.
    fn held(&mut self, number: u64, claim: u64) -> Option<&mut Exception> {
        self.exceptions.get_mut(&number).filter(
            |exception| matches!(exception.state, State::InFlight { claim: holder, .. } if holder == claim),
        )
    }

    /// Returns whether the claim still held the message.
    pub(super) fn settle(&mut self, number: u64, claim: u64) -> bool {
        self.held(number, claim).is_some() && self.exceptions.remove(&number).is_some()
    }

    /// Returns whether the claim still held the message.
    pub(super) fn give_back(&mut self, number: u64, claim: u64, how: &Returned) -> bool {
        let Some(exception) = self.held(number, claim) else { return false };
        let ready = match how {
            Returned::Counted(ready) => *ready,
            Returned::Uncounted(ready) => {
                exception.attempts -= 1;
                *ready
            }
        };
        exception.state = State::Waiting { ready };
        true
    }

    /// Returns whether the claim still held the message.
    pub(super) fn renew(&mut self, number: u64, claim: u64, new_until: u64) -> bool {
        match self.held(number, claim).map(|exception| &mut exception.state) {
            Some(State::InFlight { until, .. }) => {
                *until = new_until;
                true
            }
            _ => false,
        }
    }
}

impl Exception {
    /// Returns the attempt.
    fn deliver(&mut self, claim: &Claim) -> u32 {
        let Claim { member, number, until, .. } = *claim;
        self.state = State::InFlight { member, claim: number, until };
        self.attempts += 1;
        self.attempts
    }
}
