//! The thread of a consumer: it serves the client, whatever the receivers do.

mod close;
mod rebalance;
mod requests;
mod upkeep;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

pub(super) use self::rebalance::start_of;
use super::client::{ClientError, Fetched, GroupClient, Place};
use super::control_watch::ControlWatch;
use super::member::{Assigned, Closing, Member, Stage, TopicState};
use super::moves::Moves;
use super::partition::{Now, Record};
use super::progress::Progress;
use super::registry::Registry;
use super::retry_topics::headers::{self, Found};
use events_support::error_chain::chain;
use events_transport::{Message, Topic, TransportError};

/// How long the worker waits for records, which is the resolution of all else.
const TICK: Duration = Duration::from_millis(20);
/// How long while a message that leaves its topic is stored.
const SHORT_TICK: Duration = Duration::from_millis(2);
/// How many messages of a partition wait for a claim. More wait in the client, where they take less memory: they are
/// converted while they are still in the caches of the processor.
pub(super) const FRESH: usize = 1_000;
/// Outcomes that nobody waits for are committed after this time.
const COMMIT_EVERY: Duration = Duration::from_millis(100);
/// How long the last commit of a partition may take.
const LAST_COMMIT: Duration = Duration::from_secs(5);

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
    /// There is more to do at once.
    is_behind: bool,
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
            is_behind: false,
            is_closing: false,
        }
    }

    /// Runs until the consumer is closed.
    pub(super) fn run(mut self) {
        if let Err(error) = self.subscribe() {
            self.fail(error);
        }
        let mut fetched = Vec::with_capacity(FRESH);
        let closed = loop {
            let is_storing = self.moves.poll();
            let is_waited_for = self.member.state().catching_up > 0;
            let is_busy = is_storing || is_waited_for || !self.pending.is_empty();
            let longest = if is_busy { SHORT_TICK } else { TICK };
            self.client.wait(if std::mem::take(&mut self.is_behind) { Duration::ZERO } else { longest });
            self.serve();
            self.read(&mut fetched);
            if is_waited_for || self.flushed.elapsed() >= COMMIT_EVERY {
                self.skip();
            }
            for event in self.client.take_events() {
                self.on_event(event);
                // Another may be behind it.
                self.is_behind = true;
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

    /// Serves what the client has to say beside records.
    fn serve(&mut self) {
        if let Err(error) = self.client.serve() {
            self.failed(error);
        }
    }

    /// Passes an error of the client on.
    fn failed(&mut self, ClientError { error, is_fatal }: ClientError) {
        if is_fatal {
            return self.fail(error);
        }
        // Another may be behind it.
        self.is_behind = true;
        tracing::debug!(error = chain(&error), "the client reported an error and goes on");
        // Those that end by themselves are no matter of the receivers.
        if !error.is_retryable() || error.kind().needs_operator() {
            self.member.state().error = Some(error);
            self.member.wake.notify_one();
        }
    }

    /// Reads the records for which there is room. What is left of partitions that were returned is thrown away.
    fn read(&mut self, fetched: &mut Vec<Fetched>) {
        for place in self.client.places() {
            let room = self.member.state().partitions.get(&place).map(Assigned::room);
            let max = room.unwrap_or(FRESH);
            if max == 0 {
                continue;
            }
            if let Err(error) = self.client.read(place, max, fetched) {
                self.failed(error);
            }
            if fetched.is_empty() {
                continue;
            }
            let is_more = fetched.len() == max;
            if room.is_some() {
                self.take_over(place, fetched);
            } else {
                fetched.clear();
            }
            let mut state = self.member.state();
            let assigned = state.partitions.get_mut(&place);
            self.is_behind |= is_more && assigned.is_none_or(|assigned| !assigned.wait_for_room());
        }
    }

    /// Gives the records of a partition to the receivers.
    fn take_over(&self, place: Place, fetched: &mut Vec<Fetched>) {
        let now = Now::new();
        let mut state = self.member.state();
        for Fetched { offset, time, message } in fetched.drain(..) {
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
        Some(Record::new(message, time, retried))
    }

    fn is_retry_topic(&self, place: Place) -> bool {
        self.sources.get(place.topic).is_some_and(|source| source.retries_of.is_some())
    }
}
