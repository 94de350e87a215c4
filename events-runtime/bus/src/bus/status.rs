//! The state of sending and consuming, for health checks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::destination::Destination;
use super::schemas::{FetchedSchemas, MissingSchema};
use events_transport::{ConsumerGroup, Topic, TransportName};

/// A snapshot of sending and consuming; see [`EventBus::status`](super::EventBus::status).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BusStatus {
    /// The number of events not yet acknowledged, those in flight included.
    pub queue_depth: usize,
    /// Its maximum: `bus.queue_capacity`.
    pub queue_capacity: usize,
    /// The age of the oldest of them.
    pub oldest_waiting: Option<Duration>,
    /// The topic queues, one for each topic of a transport that events are routed to, sorted by topic.
    pub queues: Vec<TopicQueueStatus>,
    /// The running consumers of this bus, including those that are still joining their group, in the order
    /// of their start.
    pub consumers: Vec<ConsumerStatus>,
    /// The consumers of this bus that ended with an error and have not been started again, in the order of
    /// their end.
    pub failed: Vec<FailedConsumer>,
}

impl BusStatus {
    /// The consumers that have shown no progress for this long: [`ConsumerStatus::is_stalled`]. For a liveness
    /// probe, with a time that is longer than two minutes and than the slowest receiver.
    ///
    /// ```no_run
    /// # fn probe(bus: events_runtime::EventBus) -> bool {
    /// use std::time::Duration;
    ///
    /// let status = bus.status();
    /// status.failed.is_empty() && status.stalled(Duration::from_secs(5 * 60)).next().is_none()
    /// # }
    /// ```
    pub fn stalled(&self, after: Duration) -> impl Iterator<Item = &ConsumerStatus> {
        self.consumers.iter().filter(move |consumer| consumer.is_stalled(after))
    }

    /// Whether a store refuses calls until an operator fixes it. The queue is kept and consumers wait
    /// meanwhile; the circuits say where and why. [Failed](Self::failed) consumers and
    /// [disabled](ConsumerStatus::disabled) signals are not included: the program decides about them.
    #[must_use]
    pub fn needs_operator(&self) -> bool {
        let queues = self.queues.iter().map(|queue| &queue.circuit);
        queues.chain(self.consumers.iter().map(|consumer| &consumer.circuit)).any(Circuit::needs_operator)
    }
}

/// The state of sending to one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicQueueStatus {
    /// The topic's full name, with the prefix.
    pub topic: Topic,
    /// The topic's transport.
    pub transport: TransportName,
    /// The number of its events not yet acknowledged.
    pub queue_depth: usize,
    /// The age of the oldest of them.
    pub oldest_waiting: Option<Duration>,
    /// Whether the topic accepts events.
    pub circuit: Circuit,
}

/// The state of one consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerStatus {
    /// The topic's full name, with the prefix.
    pub topic: Topic,
    /// The topic's transport.
    pub transport: TransportName,
    /// The consumer's group.
    pub group: ConsumerGroup,
    /// Whether receiving succeeds.
    pub circuit: Circuit,
    /// When the consumer was started.
    pub started: Timestamp,
    /// Whether it has joined its group.
    pub subscribed: bool,
    /// The end of the last successful receive call, which may have returned no event. A consumer receives at
    /// least every 30 seconds, unless it is paused or has enough events to work on.
    pub last_receive: Option<Timestamp>,
    /// When the transport last stored an outcome.
    pub last_settle: Option<Timestamp>,
    /// Whether the consumers of the bus are paused, see
    /// [`pause_consumers`](super::EventBus::pause_consumers).
    pub paused: bool,
    /// The number of events whose receivers run.
    pub in_flight: usize,
    /// The number of fetched events that wait for the concurrency or for an earlier event of their key.
    pub waiting: usize,
    /// The event types whose signals are disabled in this program, sorted. Their events stay in the topic until
    /// the signal is enabled.
    pub disabled: Vec<String>,
    /// The number of events that no receiver took, whatever became of them.
    pub unhandled: u64,
    /// The schemas that events of the topic wait for, the longest first, at most 100.
    pub missing_schemas: Vec<MissingSchema>,
}

impl ConsumerStatus {
    /// The latest sign of progress: a received message, a stored outcome, or the start.
    #[must_use]
    pub fn last_progress(&self) -> Timestamp {
        [self.last_receive, self.last_settle].into_iter().flatten().fold(self.started, Timestamp::max)
    }

    /// Whether there was no [progress](Self::last_progress) for this long: the transport does not answer, or a
    /// receiver hangs. A paused consumer is not stalled.
    #[must_use]
    pub fn is_stalled(&self, after: Duration) -> bool {
        !self.paused && Timestamp::now().duration_since(self.last_progress()).unsigned_abs() > after
    }
}

/// A consumer that ended with an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedConsumer {
    /// The topics' full names, with the prefix.
    pub topics: Vec<Topic>,
    /// The consumer's group.
    pub group: ConsumerGroup,
    /// When it ended.
    pub ended: Timestamp,
    /// The error with its causes.
    pub error: String,
}

/// Whether calls to a topic succeed. For a topic queue, one failure opens the circuit: nothing else is sent
/// to the topic until the failed event is stored, because an event may not overtake another of its key. For
/// a consumer, the circuit is open from a failed receive call to the next successful one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Circuit {
    /// The last attempt succeeded, or there was none.
    #[default]
    Closed,
    /// The last attempt failed. The next one follows after a pause.
    #[non_exhaustive]
    Open {
        /// The time of the first failure.
        since: Timestamp,
        /// The number of consecutive failures.
        failures: u32,
        /// The error of the last attempt.
        last_error: String,
        /// Whether this lasts until an operator fixes the store.
        needs_operator: bool,
        /// The time of the next attempt.
        next_attempt: Timestamp,
    },
    /// An attempt is in progress after failures.
    #[non_exhaustive]
    HalfOpen {
        /// The time of the first failure.
        since: Timestamp,
        /// The number of consecutive failures.
        failures: u32,
        /// The error of the last attempt.
        last_error: String,
        /// Whether this lasts until an operator fixes the store.
        needs_operator: bool,
    },
}

impl Circuit {
    /// The circuit after another failure, with the pause that follows.
    pub(super) fn failed(self, last_error: String, needs_operator: bool, pause: Duration) -> Self {
        let now = Timestamp::now();
        let next_attempt = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
        let (since, failures) = match self {
            Self::Closed => (now, 1),
            Self::Open { since, failures, .. } | Self::HalfOpen { since, failures, .. } => {
                (since, failures.saturating_add(1))
            }
        };
        Self::Open { since, failures, last_error, needs_operator, next_attempt }
    }

    /// The circuit when the pause has ended.
    pub(super) fn tried(self) -> Self {
        match self {
            Self::Open { since, failures, last_error, needs_operator, .. } => {
                Self::HalfOpen { since, failures, last_error, needs_operator }
            }
            other => other,
        }
    }

    /// The number of consecutive failures.
    #[must_use]
    pub fn failures(&self) -> u32 {
        match self {
            Self::Closed => 0,
            Self::Open { failures, .. } | Self::HalfOpen { failures, .. } => *failures,
        }
    }

    /// The error of the last attempt; `None` if it succeeded.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        match self {
            Self::Closed => None,
            Self::Open { last_error, .. } | Self::HalfOpen { last_error, .. } => Some(last_error),
        }
    }

    /// Whether the last attempt failed for a reason that only an operator can fix: a read-only store, a
    /// refused user, a damaged file.
    #[must_use]
    pub const fn needs_operator(&self) -> bool {
        match self {
            Self::Closed => false,
            Self::Open { needs_operator, .. } | Self::HalfOpen { needs_operator, .. } => *needs_operator,
        }
    }
}

/// The consumers of a bus.
#[derive(Debug, Default)]
pub(super) struct Consumers {
    running: Mutex<Vec<Weak<Running>>>,
    failed: Mutex<Vec<FailedConsumer>>,
}

/// The status of a running consumer in one topic.
#[derive(Debug)]
pub(super) struct Running {
    to: Destination,
    group: ConsumerGroup,
    started: Timestamp,
    state: Mutex<State>,
    in_flight: AtomicUsize,
    waiting: AtomicUsize,
    unhandled: AtomicU64,
    /// The number of disabled event types, to read without a lock that there are none.
    disabled: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    circuit: Circuit,
    subscribed: bool,
    last_receive: Option<Timestamp>,
    last_settle: Option<Timestamp>,
    /// The event types whose events are paused, and since when.
    disabled: BTreeMap<&'static str, Instant>,
}

/// Counts an event in flight until it is dropped.
pub(super) struct CountedInFlight(Arc<Running>);

impl Consumers {
    /// Adds a consumer, until the returned value is dropped. It replaces a failed one.
    pub(super) fn add(&self, to: Destination, group: ConsumerGroup) -> Arc<Running> {
        lock(&self.failed).retain(|failed| failed.group != group || !failed.topics.contains(&to.topic));
        let running = Arc::new(Running {
            to,
            group,
            started: Timestamp::now(),
            state: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            unhandled: AtomicU64::new(0),
            disabled: AtomicUsize::new(0),
        });
        let mut all = lock(&self.running);
        all.retain(|running| running.strong_count() > 0);
        all.push(Arc::downgrade(&running));
        running
    }

    /// Records a consumer that ended with an error.
    pub(super) fn failed(&self, topics: Vec<Topic>, group: ConsumerGroup, error: String) {
        let mut failed = lock(&self.failed);
        failed.retain(|before| before.group != group || before.topics != topics);
        failed.push(FailedConsumer { topics, group, ended: Timestamp::now(), error });
    }

    /// The running consumers and the failed ones.
    pub(super) fn status(
        &self,
        paused: bool,
        schemas: &FetchedSchemas,
    ) -> (Vec<ConsumerStatus>, Vec<FailedConsumer>) {
        let running = lock(&self.running);
        let running =
            running.iter().filter_map(Weak::upgrade).map(|running| running.status(paused, schemas)).collect();
        (running, lock(&self.failed).clone())
    }
}

impl Running {
    pub(super) fn failed(&self, last_error: String, needs_operator: bool, pause: Duration) {
        self.change(|circuit| circuit.failed(last_error, needs_operator, pause));
    }

    pub(super) fn tried(&self) {
        self.change(Circuit::tried);
    }

    pub(super) fn succeeded(&self) {
        self.change(|_| Circuit::Closed);
    }

    fn change(&self, change: impl FnOnce(Circuit) -> Circuit) {
        let circuit = &mut lock(&self.state).circuit;
        *circuit = change(std::mem::take(circuit));
    }

    /// Records that the consumer has joined its group.
    pub(super) fn subscribed(&self) {
        lock(&self.state).subscribed = true;
    }

    /// Records a successful receive call.
    pub(super) fn received(&self) {
        lock(&self.state).last_receive = Some(Timestamp::now());
    }

    /// Records that the transport stored an outcome.
    pub(super) fn settled(&self) {
        lock(&self.state).last_settle = Some(Timestamp::now());
    }

    /// Counts fetched messages that are not started.
    pub(super) fn fetched(&self, messages: usize) {
        self.waiting.fetch_add(messages, Ordering::Relaxed);
    }

    /// Counts messages that no longer wait.
    pub(super) fn not_waiting(&self, messages: usize) {
        self.waiting.fetch_sub(messages, Ordering::Relaxed);
    }

    /// Counts an event that no receiver took.
    pub(super) fn unhandled(&self) {
        self.unhandled.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that events of a type are paused. Returns for how long they have been, and whether they were
    /// paused before this call.
    pub(super) fn pause(&self, event_type: &'static str) -> (Duration, bool) {
        let disabled = &mut lock(&self.state).disabled;
        let before = disabled.len();
        let since = disabled.entry(event_type).or_insert_with(Instant::now).elapsed();
        let was_paused = disabled.len() == before;
        self.disabled.store(disabled.len(), Ordering::Relaxed);
        (since, was_paused)
    }

    /// Records that events of a type are not paused. Returns whether they were.
    pub(super) fn unpause(&self, event_type: &str) -> bool {
        if self.disabled.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let disabled = &mut lock(&self.state).disabled;
        let was_paused = disabled.remove(event_type).is_some();
        self.disabled.store(disabled.len(), Ordering::Relaxed);
        was_paused
    }

    fn status(&self, paused: bool, schemas: &FetchedSchemas) -> ConsumerStatus {
        let missing_schemas = schemas.missing(&self.to);
        let Destination { topic, transport } = self.to.clone();
        let state = lock(&self.state);
        ConsumerStatus {
            topic,
            transport,
            group: self.group.clone(),
            circuit: state.circuit.clone(),
            started: self.started,
            subscribed: state.subscribed,
            last_receive: state.last_receive,
            last_settle: state.last_settle,
            paused,
            in_flight: self.in_flight.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            disabled: state.disabled.keys().map(|event_type| (*event_type).to_owned()).collect(),
            unhandled: self.unhandled.load(Ordering::Relaxed),
            missing_schemas,
        }
    }
}

impl CountedInFlight {
    /// Counts a waiting message as in flight.
    pub(super) fn started(running: &Arc<Running>) -> Self {
        running.not_waiting(1);
        running.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(running))
    }
}

impl Drop for CountedInFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A poisoned lock is safe to use: no critical section leaves the data inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
