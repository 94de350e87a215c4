//! The state of sending and consuming, for health checks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;

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
}

impl BusStatus {
    /// Whether a store refuses calls until an operator fixes it. The queue is kept and consumers wait
    /// meanwhile; the circuits say where and why.
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
    /// The schemas that events of the topic wait for, the longest first, at most 100.
    pub missing_schemas: Vec<MissingSchema>,
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

/// The running consumers of a bus.
#[derive(Debug, Default)]
pub(super) struct Consumers(Mutex<Vec<Weak<Running>>>);

/// The status of a running consumer.
#[derive(Debug)]
pub(super) struct Running {
    to: Destination,
    group: ConsumerGroup,
    circuit: Mutex<Circuit>,
}

impl Consumers {
    /// Adds a consumer, until the returned value is dropped.
    pub(super) fn add(&self, to: Destination, group: ConsumerGroup) -> Arc<Running> {
        let running = Arc::new(Running { to, group, circuit: Mutex::default() });
        let mut all = lock(&self.0);
        all.retain(|running| running.strong_count() > 0);
        all.push(Arc::downgrade(&running));
        running
    }

    pub(super) fn status(&self, schemas: &FetchedSchemas) -> Vec<ConsumerStatus> {
        lock(&self.0).iter().filter_map(Weak::upgrade).map(|running| running.status(schemas)).collect()
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
        let mut circuit = lock(&self.circuit);
        *circuit = change(std::mem::take(&mut circuit));
    }

    fn status(&self, schemas: &FetchedSchemas) -> ConsumerStatus {
        let circuit = lock(&self.circuit).clone();
        let missing_schemas = schemas.missing(&self.to);
        let Destination { topic, transport } = self.to.clone();
        ConsumerStatus { topic, transport, group: self.group.clone(), circuit, missing_schemas }
    }
}

/// A poisoned lock is safe to use: no critical section leaves the data inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
