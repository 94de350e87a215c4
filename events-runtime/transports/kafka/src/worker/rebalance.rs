//! Takes partitions over and returns them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{LAST_COMMIT, Pending, Worker};
use crate::client::{At, GroupClient, GroupEvent, Place};
use crate::control::REMOVED;
use crate::member::{Stage, State, TopicState};
use crate::progress::Progress;
use events_support::error_chain::chain;
use events_transport::{Position, StartPosition, TransportError};

/// How long one question for committed offsets may take.
const ASK: Duration = Duration::from_secs(2);
/// The pause after a question that failed.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// How long the work on a partition may go on after another member asked for it.
const FINISH: Duration = Duration::from_secs(10);

/// The progress of a partition, and what is committed of it.
type Known = (Place, Progress, Option<(u64, String)>);

impl Worker {
    pub(super) fn on_event(&mut self, event: GroupEvent) {
        match event {
            GroupEvent::Assigned(places) => {
                self.pending.push_back(Pending::Assign { places, not_before: Instant::now(), after: None });
            }
            GroupEvent::Revoked { places, is_lost } => {
                if is_lost {
                    tracing::warn!(
                        group = %self.member.group,
                        partitions = places.len(),
                        "the group went on without this member: what is in flight is delivered again"
                    );
                    self.drop_partitions(&places);
                }
                let now = Instant::now();
                let mut state = self.member.state();
                let is_subscribed =
                    |place: &Place| state.subscribed.get(place.topic) == Some(&TopicState::Subscribed);
                // Otherwise another member asks for them, and the work on them may end.
                let is_leaving =
                    self.is_closing || state.stage == Stage::Left || !places.iter().any(is_subscribed);
                let finish = if is_leaving || is_lost { now } else { now + FINISH.min(self.member.lease) };
                for place in &places {
                    if let Some(assigned) = state.partitions.get_mut(place) {
                        assigned.is_revoking = true;
                    }
                }
                drop(state);
                self.pending.push_back(Pending::Revoke { places, finish, commit: None });
            }
        }
    }

    /// Answers rebalances, in their order.
    pub(super) fn advance(&mut self) {
        while let Some(pending) = self.pending.pop_front() {
            let rest = match pending {
                Pending::Assign { places, not_before, after } => self.assign(places, not_before, after),
                Pending::Revoke { places, finish, commit } => self.revoke(places, finish, commit),
            };
            if let Some(rest) = rest {
                self.pending.push_front(rest);
                return;
            }
        }
    }

    fn assign(&self, places: Vec<Place>, not_before: Instant, after: Option<u64>) -> Option<Pending> {
        // The same partitions may come back in the same generation, when the coordinator has moved: it then accepts a
        // transaction that began before, so that the offsets of the group are known only after it.
        let (last, is_settled) = {
            let state = self.member.state();
            let last = after.unwrap_or(state.last_transaction());
            (last, state.has_ended(last))
        };
        let after = Some(last);
        if Instant::now() < not_before || !is_settled {
            return Some(Pending::Assign { places, not_before, after });
        }
        let progress = match self.progress_of(&places) {
            Ok(progress) => progress,
            Err(error) => {
                tracing::debug!(error = chain(&error), "the offsets of the group are unknown for now");
                if !error.is_retryable() || error.kind().needs_operator() {
                    self.member.state().error = Some(error);
                    self.member.wake.notify_one();
                }
                return Some(Pending::Assign { places, not_before: Instant::now() + ASK_AGAIN, after });
            }
        };
        let offsets: Vec<_> =
            progress.iter().map(|(place, progress, _)| (*place, progress.offset())).collect();
        let mut state = self.member.state();
        if let Err(error) = self.client.assign(&offsets) {
            // A later rebalance has replaced it.
            tracing::debug!(error = chain(&error), "an assignment is out of date");
            return None;
        }
        // Positions of an earlier assignment, if the client has not ended it yet. Nothing was polled since this one.
        let earlier = self.client.positions().unwrap_or_default();
        for (place, progress, stored) in progress {
            tracing::debug!(
                topic = place.topic,
                partition = place.partition,
                offset = progress.offset(),
                "assigned"
            );
            state.add(place, progress, stored);
            if let Some(assigned) = state.partitions.get_mut(&place) {
                assigned.has_position = !earlier.iter().any(|(of, _)| *of == place);
            }
        }
        state.stage = Stage::Joined;
        self.member.commit(&mut state);
        drop(state);
        self.member.wake.notify_one();
        None
    }

    /// What is committed of partitions, or where they start.
    fn progress_of(&self, places: &[Place]) -> Result<Vec<Known>, TransportError> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let (mut known, mut new) = (Vec::with_capacity(places.len()), Vec::new());
        for (place, committed) in self.client.committed(places, ASK)? {
            let committed = committed.filter(|committed| committed.metadata != REMOVED);
            let found = committed.and_then(|found| Some((u64::try_from(found.offset).ok()?, found.metadata)));
            match found {
                Some((offset, metadata)) => {
                    let progress = Progress::decode(offset, &metadata).unwrap_or_else(|_| {
                        tracing::warn!(
                            topic = self.sources.get(place.topic).map(|source| source.name.as_str()),
                            partition = place.partition,
                            "the commit metadata is not of this transport, and is ignored"
                        );
                        Progress::at(offset)
                    });
                    known.push((place, progress, Some((offset, metadata))));
                }
                None => new.push(place),
            }
        }
        self.bound(&mut known)?;
        for place in new {
            let starts = self.sources.get(place.topic).map(|source| &source.starts);
            let offset = match starts.and_then(|starts| starts.get(&place.partition)) {
                Some(offset) => *offset,
                None => start_of(&self.client, place, &StartPosition::Earliest, ASK)?,
            };
            known.push((place, Progress::at(offset), None));
        }
        Ok(known)
    }

    /// Ignores commit metadata that says what no member can know: that messages behind the end are settled.
    fn bound(&self, known: &mut [Known]) -> Result<(), TransportError> {
        let beyond = |(_, progress, _): &&Known| progress.cursor > progress.offset();
        let places: Vec<_> = known.iter().filter(beyond).map(|(place, ..)| *place).collect();
        if places.is_empty() {
            return Ok(());
        }
        let ends: BTreeMap<_, _> = self.client.offsets_at(&places, At::End, ASK)?.into_iter().collect();
        for (place, progress, stored) in known {
            if ends.get(place).is_some_and(|end| progress.cursor > *end) {
                tracing::warn!(
                    topic = self.sources.get(place.topic).map(|source| source.name.as_str()),
                    partition = place.partition,
                    "the commit metadata names messages behind the end of the partition, and is ignored"
                );
                *progress = Progress::at(stored.as_ref().map_or(0, |(offset, _)| *offset));
            }
        }
        Ok(())
    }

    fn revoke(&self, places: Vec<Place>, finish: Instant, commit: Option<Instant>) -> Option<Pending> {
        let now = Instant::now();
        let mut state = self.member.state();
        let of = |state: &State, dirty: bool| {
            let all = places.iter().filter_map(|place| state.partitions.get(place));
            all.filter(|one| if dirty { one.is_dirty() } else { one.partition.in_flight() > 0 }).count()
        };
        let is_over = self.client.is_assignment_lost();
        if of(&state, false) > 0 && now < finish && !is_over {
            return Some(Pending::Revoke { places, finish, commit });
        }
        let until = commit.unwrap_or(now + LAST_COMMIT);
        self.member.commit(&mut state);
        if of(&state, true) > 0 && now < until && !is_over {
            return Some(Pending::Revoke { places, finish, commit: Some(until) });
        }
        drop(state);
        self.drop_partitions(&places);
        if let Err(error) = self.client.unassign(&places) {
            tracing::debug!(error = chain(&error), "a revocation is out of date");
        }
        None
    }

    pub(super) fn drop_partitions(&self, places: &[Place]) {
        let mut state = self.member.state();
        for place in places {
            state.remove(*place, &self.member.lost("settle", *place, 0));
        }
    }
}

/// The offset at which a partition starts.
pub(crate) fn start_of(
    client: &GroupClient,
    place: Place,
    start: &StartPosition,
    wait: Duration,
) -> Result<u64, TransportError> {
    let at = |at| {
        let found = client.offsets_at(&[place], at, wait)?;
        Ok(found.first().map_or(0, |(_, offset)| *offset))
    };
    let named = match start {
        StartPosition::Latest => return at(At::End),
        StartPosition::Time(time) => return at(At::Time(*time)),
        StartPosition::At(position) => offset_of(*position, place),
        StartPosition::Partitions(positions) => {
            positions.of(Some(place.partition)).and_then(|one| offset_of(one, place))
        }
        _ => None,
    };
    let first = at(At::Earliest)?;
    match named {
        Some(offset) => Ok(offset.clamp(first, at(At::End)?.max(first))),
        None => Ok(first),
    }
}

fn offset_of(position: Position, place: Place) -> Option<u64> {
    match position {
        Position::Record { partition, offset } if partition == place.partition => Some(offset),
        _ => None,
    }
}
