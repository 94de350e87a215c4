//! The store: topics with their logs and groups, under one lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::Instant;

use super::group::{Group, Lease, LeaseLost, Requeue};
use super::log::{Log, Stored};
use crate::options::RetentionPolicy;
use crate::{
    ConsumerGroup, Delivery, ErrorKind, Message, Outcome, Position, Receipt, Recipient, SchemaId, Settlement,
    StartPosition, Subscription, Topic, TransportError, Trimmed,
};

/// Retention is applied to a topic after this many messages.
const TRIM_EVERY: u64 = 1024;

/// All topics of a `memory:` URL.
pub(super) struct Store {
    url: String,
    pub(super) policy: RetentionPolicy,
    /// The number of partitions of each topic.
    pub(super) partitions: Option<u32>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) topics: BTreeMap<Topic, TopicLog>,
    pub(super) schemas: BTreeMap<Topic, BTreeMap<SchemaId, String>>,
    /// The number of partitions of each topic.
    partitions: Option<u32>,
    members: u64,
    claims: u64,
}

pub(super) struct TopicLog {
    pub(super) log: Log,
    pub(super) groups: BTreeMap<ConsumerGroup, Group>,
    since_trim: u64,
    /// A group stores its dead letters here.
    dead_letters: bool,
    /// Changes when consumers of the topic may find more messages.
    changed: watch::Sender<u64>,
}

/// Identifies the consumer that received a delivery.
pub(super) struct Member {
    topic: Topic,
    group: ConsumerGroup,
    number: u64,
    lease: Duration,
}

impl Store {
    pub(super) fn new(url: String, policy: RetentionPolicy, partitions: Option<u32>) -> Self {
        let state =
            State { topics: BTreeMap::new(), schemas: BTreeMap::new(), partitions, members: 0, claims: 0 };
        Self { url, policy, partitions, state: Mutex::new(state) }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn changes(&self, topic: &Topic) -> watch::Receiver<u64> {
        self.lock().topic(topic).changed.subscribe()
    }

    /// Ignores poisoning: no change panics halfway.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn send(&self, topic: &Topic, batch: &[Message]) -> Vec<Position> {
        let mut state = self.lock();
        let entry = state.topic(topic);
        let now = SystemTime::now();
        let positions = batch.iter().map(|message| entry.log.push(message.clone(), now)).collect();
        entry.since_trim += batch.len() as u64;
        entry.trim_if_due(topic, &self.policy);
        entry.wake();
        positions
    }

    pub(super) fn join(&self, subscription: &Subscription) -> Result<Member, TransportError> {
        let Subscription { topic, group, .. } = subscription;
        let mut state = self.lock();
        state.members += 1;
        let number = state.members;
        if let Some(dead_letters) =
            subscription.dead_letter.as_ref().and_then(|name| state.topics.get_mut(name))
        {
            dead_letters.dead_letters = true;
        }
        let entry = state.topic(topic);
        if !entry.groups.contains_key(group) {
            let new = self.group_at("subscribe to", entry, topic, group, &subscription.start)?;
            entry.groups.insert(group.clone(), new);
        }
        Ok(Member { topic: topic.clone(), group: group.clone(), number, lease: subscription.lease })
    }

    /// The group at a start position. In partitions that the position does not name, its progress stays.
    pub(super) fn group_at(
        &self,
        operation: &'static str,
        entry: &TopicLog,
        topic: &Topic,
        group: &ConsumerGroup,
        start: &StartPosition,
    ) -> Result<Group, TransportError> {
        let group = entry.groups.get(group);
        let is_unsettled = |seq| group.is_none_or(|group| group.is_unsettled(seq));
        let start = entry.log.start(start, is_unsettled);
        let start = start.ok_or_else(|| self.invalid_position(operation, topic))?;
        Ok(Group::new(&entry.log, start))
    }

    /// The error for a position of another transport or of an absent partition.
    pub(super) fn invalid_position(&self, operation: &'static str, topic: &Topic) -> TransportError {
        let message = match self.partitions {
            None => format!("a position of {} is a number such as `42`", self.url),
            Some(count) => format!(
                "a position of {} is a partition below {count} and an offset, such as `0:42`",
                self.url
            ),
        };
        TransportError::new(ErrorKind::Invalid, operation, topic, message)
    }

    /// Claims messages for a member, and when to claim again if there are none.
    pub(super) fn claim(
        &self,
        member: &Member,
        max: usize,
        recipient: &Arc<Recipient>,
    ) -> Result<(Vec<Delivery>, Option<Instant>), TransportError> {
        let mut state = self.lock();
        state.claims += 1;
        let lease = Lease { claim: state.claims, member: member.number, length: member.lease };
        let (log, group) = state.group(member)?;
        let (taken, due) = group.claim(log, &lease, max);
        let mut claimed = Vec::with_capacity(taken.len());
        for (sequence, attempt) in taken {
            let Some(Stored { message, time, position }) = log.get(sequence) else { continue };
            let (message, recipient) = (message.clone(), Arc::clone(recipient));
            claimed.push(Delivery::new(message, *position, attempt, *time, lease.claim, recipient));
        }
        Ok((claimed, due))
    }

    pub(super) fn settle(
        &self,
        member: &Member,
        dead_letter_topic: &Topic,
        settlements: Vec<Settlement>,
    ) -> Vec<Result<(), TransportError>> {
        let mut state = self.lock();
        let results = state.settle(member, dead_letter_topic, settlements);
        if let Some(entry) = state.topics.get_mut(dead_letter_topic) {
            entry.trim_if_due(dead_letter_topic, &self.policy);
        }
        for topic in [&member.topic, dead_letter_topic] {
            if let Some(entry) = state.topics.get(topic) {
                entry.wake();
            }
        }
        results
    }

    pub(super) fn renew(&self, member: &Member, receipts: &[Receipt]) -> Vec<Result<(), TransportError>> {
        let mut state = self.lock();
        receipts
            .iter()
            .map(|receipt| {
                let renewed = match state.group(member) {
                    Ok((log, group)) => match log.seq_of(receipt.position) {
                        Some(seq) => group.renew(seq, receipt.token, member.lease),
                        None => Err(LeaseLost),
                    },
                    Err(_) => Err(LeaseLost),
                };
                renewed.map_err(|LeaseLost| lost("renew", member, receipt))
            })
            .collect()
    }
}

impl State {
    /// The topic, created if missing.
    fn topic(&mut self, topic: &Topic) -> &mut TopicLog {
        let partitions = self.partitions;
        self.topics.entry(topic.clone()).or_insert_with(|| TopicLog::new(partitions))
    }

    fn group(&mut self, member: &Member) -> Result<(&Log, &mut Group), TransportError> {
        self.topics
            .get_mut(&member.topic)
            .and_then(|entry| Some((&entry.log, entry.groups.get_mut(&member.group)?)))
            .ok_or_else(|| TransportError::no_group("receive from", &member.topic, &member.group))
    }

    fn settle(
        &mut self,
        member: &Member,
        dead_letter_topic: &Topic,
        settlements: Vec<Settlement>,
    ) -> Vec<Result<(), TransportError>> {
        let (mut dead_letters, mut outputs) = (Vec::new(), Vec::new());
        let mut group = self.group(member).ok();
        let settle = |Settlement { receipt, outcome }| {
            // A removed group holds nothing.
            let held =
                group.as_mut().and_then(|(log, group)| Some((log.seq_of(receipt.position)?, log, group)));
            let Some((seq, log, group)) = held else { return Err(lost("settle", member, &receipt)) };
            let claim = receipt.token;
            match outcome {
                Outcome::Ack => group.settle(seq, claim),
                Outcome::AckWith(messages) => group.settle(seq, claim).map(|()| outputs.extend(messages)),
                Outcome::Retry(after) => group.requeue(log, seq, claim, Requeue::Counted(after)),
                Outcome::Release => group.requeue(log, seq, claim, Requeue::Uncounted(Duration::ZERO)),
                Outcome::Postpone(after) => group.requeue(log, seq, claim, Requeue::Uncounted(after)),
                Outcome::Reject(message) => group.settle(seq, claim).map(|()| dead_letters.push(*message)),
            }
            .map_err(|LeaseLost| lost("settle", member, &receipt))
        };
        let results = settlements.into_iter().map(settle).collect();
        for dead_letter in dead_letters {
            let entry = self.topic(dead_letter_topic);
            entry.log.push(dead_letter, SystemTime::now());
            entry.since_trim += 1;
            entry.dead_letters = true;
        }
        for (topic, message) in outputs {
            let entry = self.topic(&topic);
            entry.log.push(message, SystemTime::now());
            entry.since_trim += 1;
            entry.wake();
        }
        results
    }
}

impl TopicLog {
    fn new(partitions: Option<u32>) -> Self {
        Self {
            log: Log::new(partitions),
            groups: BTreeMap::new(),
            since_trim: 0,
            dead_letters: false,
            changed: watch::Sender::default(),
        }
    }

    pub(super) fn wake(&self) {
        self.changed.send_modify(|changes| *changes += 1);
    }

    fn trim_if_due(&mut self, topic: &Topic, policy: &RetentionPolicy) {
        if self.since_trim >= TRIM_EVERY {
            self.trim(topic, policy);
        }
    }

    pub(super) fn trim(&mut self, topic: &Topic, policy: &RetentionPolicy) -> Trimmed {
        self.since_trim = 0;
        let dead_letters = self.dead_letters || topic.holds_dead_letters();
        let retention = if dead_letters { policy.of_dead_letters(topic) } else { policy.of(topic) };
        let first = self.log.removed + 1;
        let mut until = first;
        if let Some(oldest) = retention.max_age.and_then(|age| SystemTime::now().checked_sub(age)) {
            let old = self.log.messages.iter().take_while(|stored| stored.time < oldest);
            until += old.count() as u64;
        }
        if let Some(count) = retention.max_count {
            until = until.max(self.log.last().saturating_sub(count) + 1);
        }
        if !retention.drop_unsettled {
            until = self.groups.values().map(Group::low_water).fold(until, u64::min);
        }
        let removed = until.saturating_sub(first);
        if removed == 0 {
            return Trimmed::default();
        }
        self.log.removed += removed;
        // `until` is at most one after the last message.
        let count = usize::try_from(removed).unwrap_or(usize::MAX).min(self.log.messages.len());
        self.log.messages.drain(..count);
        let unsettled = self.groups.values_mut().map(|group| group.discard_before(until)).max().unwrap_or(0);
        let unread = if self.groups.is_empty() { removed } else { 0 };
        let trimmed = Trimmed::new(removed, unsettled).with_unread(unread);
        trimmed.report(topic, dead_letters);
        trimmed
    }
}

fn lost(operation: &'static str, member: &Member, receipt: &Receipt) -> TransportError {
    TransportError::lease_lost(operation, &member.topic, &member.group, receipt.position)
}
