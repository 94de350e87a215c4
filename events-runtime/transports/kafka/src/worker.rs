//! The thread of a consumer: it serves the client, whatever the receivers do.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::client::{At, Fetched, GroupClient, GroupEvent, Place, Polled};
use super::control::{Action, ControlRequest, REMOVED};
use super::control_watch::ControlWatch;
use super::member::{Closing, Member, Stage, State, TopicState};
use super::moves::Moves;
use super::partition::{Now, Record};
use super::progress::Progress;
use super::registry::Registry;
use super::retry_topics::headers::{self, Found};
use events_support::error_chain::chain;
use events_transport::{Message, StartPosition, Topic, TransportError};

/// How long a poll waits, which is the resolution of all that follows.
const TICK: Duration = Duration::from_millis(20);
/// How long while a message that leaves its topic is stored.
const SHORT_TICK: Duration = Duration::from_millis(2);
/// How many messages are taken over at once.
const BATCH: usize = 1_000;
/// Outcomes that nobody waits for are committed after this time.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
/// How long one question for committed offsets may take.
const ASK: Duration = Duration::from_secs(2);
/// The pause after a question that failed.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// How long the work on a partition may go on after another member asked for it.
const FINISH: Duration = Duration::from_secs(10);
/// How long the last commit of a partition may take.
const LAST_COMMIT: Duration = Duration::from_secs(5);
/// After this time without an assignment, a member of the protocol `consumer` is taken to have no partitions: the
/// client reports an empty assignment of the protocol `classic` only.
const SILENT_JOIN: Duration = Duration::from_secs(1);
/// What a member holds at most, shared by its partitions.
const MAX_BYTES: usize = 64 << 20;
const MAX_MESSAGES: usize = 40_000;
/// What a partition may hold in any case.
const MIN_BYTES: usize = 1 << 20;
const MIN_MESSAGES: usize = 1_000;

/// How a topic of the member is consumed.
pub(super) struct Source {
    /// Its name in Kafka.
    pub(super) name: String,
    /// Where the partitions of a new group start: as of the subscription, although they may be assigned later.
    pub(super) starts: BTreeMap<u32, u64>,
    /// The last request of which the member knows.
    pub(super) epoch: Option<u64>,
    /// The topic whose messages wait in it, if it is a retry topic.
    pub(super) retries_of: Option<Topic>,
}

pub(super) struct Worker {
    pub(super) member: Arc<Member>,
    pub(super) client: Arc<GroupClient>,
    pub(super) sources: Vec<Source>,
    pub(super) control: Arc<ControlWatch>,
    moves: Arc<Moves>,
    registry: Option<Arc<Registry>>,
    pending: VecDeque<Pending>,
    /// A request that keeps the member away from each topic.
    away: Vec<Option<Away>>,
    flushed: Instant,
    /// When the member asked for partitions.
    asked: Instant,
    /// The consumer was closed.
    is_closing: bool,
}

struct Away {
    until: Instant,
}

/// A rebalance that is not answered yet.
enum Pending {
    Assign {
        places: Vec<Place>,
        not_before: Instant,
        /// The last transaction that may have messages of these partitions.
        after: Option<u64>,
    },
    Revoke {
        places: Vec<Place>,
        finish: Instant,
        commit: Option<Instant>,
    },
}

impl Worker {
    pub(super) fn new(
        member: Arc<Member>,
        client: Arc<GroupClient>,
        sources: Vec<Source>,
        control: Arc<ControlWatch>,
        moves: Arc<Moves>,
        registry: Option<Arc<Registry>>,
    ) -> Self {
        let away = sources.iter().map(|_| None).collect();
        Self {
            member,
            client,
            sources,
            control,
            moves,
            registry,
            pending: VecDeque::new(),
            away,
            flushed: Instant::now(),
            asked: Instant::now(),
            is_closing: false,
        }
    }

    /// Runs until the consumer is closed.
    pub(super) fn run(mut self) {
        if let Err(error) = self.subscribe() {
            self.fail(error);
        }
        let mut fetched = Vec::with_capacity(BATCH);
        let closed = loop {
            let is_storing = self.moves.poll();
            let is_waited_for = self.member.state().catching_up > 0;
            let is_busy = is_storing || is_waited_for || !self.pending.is_empty();
            self.poll(if is_busy { SHORT_TICK } else { TICK }, &mut fetched);
            self.take_over(&mut fetched);
            if is_waited_for || self.flushed.elapsed() >= COMMIT_EVERY {
                self.skip();
            }
            for event in self.client.take_events() {
                self.on_event(event);
            }
            self.advance();
            self.obey();
            self.tick();
            let mut state = self.member.state();
            if let Some(Closing(reply)) = state.closing.take() {
                break reply;
            }
        };
        self.close(closed);
    }

    fn fail(&self, error: TransportError) {
        tracing::error!(error = chain(&error), "a consumer can't go on");
        self.member.state().fatal = Some(error);
        self.member.wake.notify_one();
    }

    /// Joins the group for all topics that the member is not kept away from.
    fn subscribe(&mut self) -> Result<(), TransportError> {
        self.asked = Instant::now();
        let topics: Vec<usize> = {
            let mut state = self.member.state();
            state.stage = Stage::Joining;
            let subscribed = state.subscribed.iter().enumerate();
            subscribed
                .filter(|(_, topic)| **topic == TopicState::Subscribed)
                .map(|(index, _)| index)
                .collect()
        };
        if topics.is_empty() {
            self.client.unsubscribe();
            return Ok(());
        }
        self.client.subscribe(&topics)
    }

    fn poll(&self, wait: Duration, fetched: &mut Vec<Fetched>) {
        let mut wait = wait;
        while fetched.len() < BATCH {
            match self.client.poll(wait) {
                Polled::Record(record) => fetched.push(record),
                Polled::Nothing => break,
                Polled::Error { error, is_fatal: true } => {
                    self.fail(error);
                    break;
                }
                Polled::Error { error, .. } => {
                    tracing::debug!(error = chain(&error), "the client reported an error and goes on");
                    // Those that end by themselves are no matter of the receivers.
                    if !error.is_retryable() || error.kind().needs_operator() {
                        self.member.state().error = Some(error);
                        self.member.wake.notify_one();
                    }
                    break;
                }
            }
            wait = Duration::ZERO;
        }
    }

    fn take_over(&self, fetched: &mut Vec<Fetched>) {
        if fetched.is_empty() {
            return;
        }
        let now = Now::new();
        let mut state = self.member.state();
        for Fetched { place, offset, time, message } in fetched.drain(..) {
            let Some(assigned) = state.partitions.get_mut(&place) else { continue };
            if offset < assigned.partition.next() {
                let topic = self.member.topic(place).map(tracing::field::display);
                tracing::warn!(
                    topic,
                    partition = place.partition,
                    offset,
                    expected = assigned.partition.next(),
                    "the partition begins again at an earlier offset: its topic was created anew, or lost messages"
                );
                let lost = self.member.lost("settle", place, offset);
                state.remove(place, &lost);
                state.add(place, Progress::at(offset), None);
            }
            match self.record(place, time, message) {
                Some(record) => {
                    if let Some(assigned) = state.partitions.get_mut(&place) {
                        assigned.has_position = true;
                        assigned.partition.push(offset, record, now);
                    }
                }
                None => state.skip(place, offset),
            }
        }
        drop(state);
        self.member.wake.notify_one();
    }

    /// Skips the markers of transactions and what was aborted, of all that was polled and taken over.
    fn skip(&self) {
        if self.member.state().partitions.is_empty() {
            return;
        }
        match self.client.positions() {
            Ok(positions) => {
                if self.member.state().skip_to(&positions) {
                    self.member.wake.notify_one();
                }
            }
            Err(error) => tracing::debug!(error = chain(&error), "the positions are unknown for now"),
        }
    }

    /// A message as it is delivered; `None` if it is no message of this group.
    fn record(&self, place: Place, time: SystemTime, message: Message) -> Option<Record> {
        let retries_of = self.sources.get(place.topic).and_then(|source| source.retries_of.as_ref());
        let found = match retries_of {
            None => Found::Plain(message),
            Some(of) => headers::read(message, of, &self.member.group),
        };
        let (message, retried) = match found {
            Found::Plain(message) => (message, None),
            Found::Retried(message, retried) => (message, Some(retried)),
            Found::Foreign => return None,
        };
        let message = match &self.registry {
            Some(registry) => registry.unframe(message),
            None => message,
        };
        Some(Record { message, time, retried })
    }

    fn is_retry_topic(&self, place: Place) -> bool {
        self.sources.get(place.topic).is_some_and(|source| source.retries_of.is_some())
    }

    fn on_event(&mut self, event: GroupEvent) {
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
    fn advance(&mut self) {
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
    #[allow(clippy::type_complexity)]
    fn progress_of(
        &self,
        places: &[Place],
    ) -> Result<Vec<(Place, Progress, Option<(u64, String)>)>, TransportError> {
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

    fn drop_partitions(&self, places: &[Place]) {
        let mut state = self.member.state();
        for place in places {
            state.remove(*place, &self.member.lost("settle", *place, 0));
        }
    }

    /// Does what callers ask the members of the group for.
    fn obey(&mut self) {
        let now = Instant::now();
        let mut is_changed = false;
        for index in 0..self.sources.len() {
            let Some(source) = self.sources.get(index) else { continue };
            let request = self.control.request(&source.name);
            let new = request.filter(|request| Some(request.epoch) != source.epoch);
            let is_away = self.away.get(index).is_some_and(Option::is_some);
            if is_away && self.member.state().partitions.keys().any(|place| place.topic == index) {
                // The partitions are returned first, so that they begin again at what is committed.
                continue;
            }
            match new {
                Some(ControlRequest { action: Action::Leave(hold), .. }) if !is_away => {
                    self.control.hurry();
                    self.set_away(index, Some(Away { until: now + hold }));
                    self.set_topic(index, TopicState::Away);
                    is_changed = true;
                }
                Some(ControlRequest { action: Action::Leave(_), .. }) => {
                    let is_over =
                        self.away.get(index).and_then(Option::as_ref).is_some_and(|away| away.until <= now);
                    if is_over {
                        self.come_back(index, request, TopicState::Subscribed);
                        is_changed = true;
                    }
                }
                Some(ControlRequest { action, .. }) if is_away => {
                    let removed = action == Action::Removed;
                    let topic = if removed { TopicState::Removed } else { TopicState::Subscribed };
                    self.come_back(index, request, topic);
                    is_changed = true;
                }
                // The member missed the request to leave: its partitions are out of date.
                Some(ControlRequest { .. }) => {
                    self.control.hurry();
                    self.set_away(index, Some(Away { until: now }));
                    self.set_topic(index, TopicState::Away);
                    is_changed = true;
                }
                None => {}
            }
        }
        if is_changed {
            self.resubscribe();
        }
        let mut state = self.member.state();
        let is_wanted = state.stage == Stage::Left && state.is_receiving;
        if is_wanted {
            state.stage = Stage::Joining;
            drop(state);
            self.resubscribe();
        }
    }

    fn come_back(&mut self, index: usize, request: Option<ControlRequest>, topic: TopicState) {
        self.control.relax();
        self.set_away(index, None);
        if let Some(source) = self.sources.get_mut(index) {
            source.epoch = request.map(|request| request.epoch);
        }
        self.set_topic(index, topic);
    }

    fn set_away(&mut self, index: usize, away: Option<Away>) {
        if let Some(slot) = self.away.get_mut(index) {
            *slot = away;
        }
    }

    fn set_topic(&self, index: usize, topic: TopicState) {
        if let Some(slot) = self.member.state().subscribed.get_mut(index) {
            *slot = topic;
        }
        self.member.wake.notify_one();
    }

    fn resubscribe(&mut self) {
        if let Err(error) = self.subscribe() {
            tracing::warn!(error = chain(&error), "a member can't join its group");
            self.member.state().error = Some(error);
        }
        self.member.wake.notify_one();
    }

    /// What is done from time to time.
    fn tick(&mut self) {
        let now = Now::new();
        let mut state = self.member.state();
        state.expire(now);
        if now.instant.duration_since(self.flushed) >= COMMIT_EVERY {
            self.flushed = now.instant;
            self.member.commit(&mut state);
        }
        state.give_up(self.member.retry_for, |cause| {
            let message = "the outcome could not be committed in time: the message may be delivered again";
            let kind = cause.as_ref().map_or(events_transport::ErrorKind::Unavailable, TransportError::kind);
            let error = TransportError::new(kind, "settle", self.member.names(), message);
            match cause {
                Some(cause) => error.with_source(cause),
                None => error,
            }
        });
        // What has come due wakes the receiver by its own timer.
        self.limit(&mut state);
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

    /// Pauses partitions that hold too much, and resumes them later.
    fn limit(&self, state: &mut State) {
        // What waits in retry topics takes no share: it is fetched again when it is due.
        let count = state.partitions.keys().filter(|place| !self.is_retry_topic(**place)).count().max(1);
        let share = (MIN_BYTES.max(MAX_BYTES / count), MIN_MESSAGES.max(MAX_MESSAGES / count));
        let (mut pause, mut resume) = (Vec::new(), Vec::new());
        for (place, assigned) in &mut state.partitions {
            let is_retry_topic = self.is_retry_topic(*place);
            let (bytes, messages) = if is_retry_topic { (MIN_BYTES, MIN_MESSAGES) } else { share };
            let held = assigned.partition.held();
            let is_full = held.bytes >= bytes || held.messages >= messages;
            let is_low = held.bytes < bytes / 2 && held.messages < messages / 2;
            if is_full && !assigned.is_paused {
                assigned.is_paused = true;
                pause.push(*place);
            } else if is_low && assigned.is_paused {
                assigned.is_paused = false;
                resume.push(*place);
            }
            if !is_retry_topic {
                self.report(*place, assigned);
            }
        }
        for (places, paused) in [(pause, true), (resume, false)] {
            if places.is_empty() {
                continue;
            }
            let done = if paused { self.client.pause(&places) } else { self.client.resume(&places) };
            if let Err(error) = done {
                tracing::debug!(error = chain(&error), "a partition was not paused or resumed");
            }
        }
    }

    /// Says when a partition waits for a key that fails, and when it goes on.
    fn report(&self, place: Place, assigned: &mut super::member::Assigned) {
        let (waiting, behind) = assigned.partition.held_back();
        let is_held_back = assigned.is_paused && waiting > 0 && !assigned.partition.has_fresh();
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

    /// Commits what is settled and leaves the group.
    fn close(mut self, reply: Option<tokio::sync::oneshot::Sender<super::member::Stored>>) {
        self.is_closing = true;
        let until = Instant::now() + LAST_COMMIT;
        let mut fetched = Vec::new();
        while self.moves.poll() && Instant::now() < until {
            self.poll(SHORT_TICK, &mut fetched);
            fetched.clear();
        }
        for pending in std::mem::take(&mut self.pending) {
            match pending {
                Pending::Assign { places, .. } => self.client.discard(&places),
                Pending::Revoke { places, commit, .. } => {
                    self.pending.push_back(Pending::Revoke { places, finish: Instant::now(), commit });
                }
            }
        }
        self.client.unsubscribe();
        loop {
            for event in self.client.take_events() {
                match event {
                    GroupEvent::Assigned(places) => self.client.discard(&places),
                    revoked @ GroupEvent::Revoked { .. } => self.on_event(revoked),
                }
            }
            self.advance();
            let is_done = self.member.state().partitions.is_empty() && self.pending.is_empty();
            if is_done || Instant::now() >= until {
                break;
            }
            self.poll(SHORT_TICK, &mut fetched);
            fetched.clear();
        }
        let left: Vec<Place> = self.member.state().partitions.keys().copied().collect();
        let is_stored = !left.iter().any(|place| {
            self.member.state().partitions.get(place).is_some_and(super::member::Assigned::is_dirty)
        });
        self.drop_partitions(&left);
        self.member.end_commits();
        drop(self.member.take_client());
        // The last one that uses the client waits for the answer of the coordinator: this thread, unless a call takes
        // too long.
        let mut client = self.client;
        while let Err(shared) = Arc::try_unwrap(client) {
            client = shared;
            if Instant::now() >= until {
                break;
            }
            std::thread::sleep(SHORT_TICK);
        }
        if let Some(reply) = reply {
            let message = "the last outcomes could not be committed: their messages are delivered again";
            let kind = events_transport::ErrorKind::Unavailable;
            let failed = || TransportError::new(kind, "leave", self.member.names(), message);
            let _ = reply.send(if is_stored { Ok(()) } else { Err(failed()) });
        }
    }
}

/// The offset at which a partition starts.
pub(super) fn start_of(
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
        StartPosition::Time(time) => {
            let since = time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            return at(At::Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)));
        }
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

fn offset_of(position: events_transport::Position, place: Place) -> Option<u64> {
    match position {
        events_transport::Position::Record { partition, offset } if partition == place.partition => {
            Some(offset)
        }
        _ => None,
    }
}
