//! What is done from time to time: ends leases, commits, pauses partitions.

use std::time::Duration;

use super::{COMMIT_EVERY, Worker};
use crate::client::Place;
use crate::member::{Assigned, Stage, State};
use crate::partition::Now;
use events_transport::{ErrorKind, TransportError};

/// After this time without an assignment, a member of the protocol `consumer` is taken to have no partitions: the
/// client reports an empty assignment of the protocol `classic` only.
const SILENT_JOIN: Duration = Duration::from_secs(1);
/// What a member holds at most, shared by its partitions.
const MAX_BYTES: usize = 64 << 20;
const MAX_MESSAGES: usize = 40_000;
/// What a partition may hold in any case.
const MIN_BYTES: usize = 1 << 20;
const MIN_MESSAGES: usize = 1_000;

impl Worker {
    /// What is done from time to time.
    pub(super) fn tick(&mut self) {
        let now = Now::new();
        let mut state = self.member.state();
        state.expire(now);
        if now.instant.duration_since(self.flushed) >= COMMIT_EVERY {
            self.flushed = now.instant;
            self.member.commit(&mut state);
        }
        state.give_up(self.member.retry_for, |cause| {
            let message = "the outcome could not be committed in time: the message may be delivered again";
            let kind = cause.as_ref().map_or(ErrorKind::Unavailable, TransportError::kind);
            let error = TransportError::new(kind, "settle", self.member.names(), message);
            match cause {
                Some(cause) => error.with_source(cause),
                None => error,
            }
        });
        // What has come due wakes the receiver by its own timer.
        self.is_behind |= self.limit(&mut state);
        if state.stage == Stage::Joining
            && self.client.joins_silently()
            && self.pending.is_empty()
            && self.asked.elapsed() >= SILENT_JOIN
        {
            state.stage = Stage::Joined;
            self.member.wake.notify_one();
        }
        let idle_since = state.expired.map(|expired| expired.max(state.received));
        let is_hanging = !state.is_receiving
            && state.in_flight() == 0
            && idle_since.is_some_and(|since| now.instant.duration_since(since) >= self.member.lease);
        if is_hanging && state.stage == Stage::Joined {
            tracing::warn!(
                group = %self.member.group,
                "the leases of this member ended, and it receives no more: it leaves the group until it does"
            );
            state.stage = Stage::Left;
            state.expired = None;
            drop(state);
            self.client.unsubscribe();
        }
    }

    /// Pauses partitions that hold too much, and resumes them later: their records stay in the client meanwhile.
    /// Returns whether one was resumed.
    fn limit(&self, state: &mut State) -> bool {
        // What waits in retry topics takes no share: it is fetched again when it is due.
        let count = state.partitions.keys().filter(|place| !self.is_retry_topic(**place)).count().max(1);
        let share = (MIN_BYTES.max(MAX_BYTES / count), MIN_MESSAGES.max(MAX_MESSAGES / count));
        let mut is_resumed = false;
        for (place, assigned) in &mut state.partitions {
            let is_retry_topic = self.is_retry_topic(*place);
            let (bytes, messages) = if is_retry_topic { (MIN_BYTES, MIN_MESSAGES) } else { share };
            let held = assigned.partition.held();
            let is_full = held.bytes >= bytes || held.messages >= messages;
            let is_low = held.bytes < bytes / 2 && held.messages < messages / 2;
            if is_full {
                assigned.is_paused = true;
            } else if is_low && assigned.is_paused {
                assigned.is_paused = false;
                is_resumed = true;
            }
            if !is_retry_topic {
                self.report(*place, assigned);
            }
        }
        is_resumed
    }

    /// Says when a partition waits for a key that fails, and when it goes on.
    fn report(&self, place: Place, assigned: &mut Assigned) {
        let (waiting, behind) = assigned.partition.held_back();
        let is_held_back = assigned.is_paused && waiting > 0 && assigned.partition.fresh() == 0;
        if is_held_back == assigned.is_held_back {
            return;
        }
        assigned.is_held_back = is_held_back;
        let topic = self.member.topic(place).map(ToString::to_string).unwrap_or_default();
        let labels = [
            ("topic", topic.clone()),
            ("group", self.member.group.to_string()),
            ("partition", place.partition.to_string()),
        ];
        metrics::gauge!("events_kafka_partition_held_back", &labels).set(if is_held_back {
            1.0
        } else {
            0.0
        });
        if is_held_back {
            tracing::warn!(
                topic,
                group = %self.member.group,
                partition = place.partition,
                waiting,
                behind,
                "a partition is paused: its messages wait behind keys whose messages fail"
            );
        } else {
            tracing::info!(topic, group = %self.member.group, partition = place.partition, "a partition goes on");
        }
    }
}
