//! How sending and consuming go, for health checks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;

use crate::transport::{ConsumerGroup, Topic};

/// How sending and consuming go, at one moment; see [`EventBus::status`](super::EventBus::status).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BusStatus {
    /// How many events are not acknowledged yet, those under way included.
    pub queue_depth: usize,
    /// How many there can be: `bus.queue_capacity`.
    pub queue_capacity: usize,
    /// How long the oldest of them has waited.
    pub oldest_waiting: Option<Duration>,
    /// The lanes, one for each topic that events are routed to, by the topic's name.
    pub queues: Vec<TopicQueueStatus>,
    /// The consumers of this bus that run, and those that still join their group; in the order in which they
    /// were started.
    pub consumers: Vec<ConsumerStatus>,
}

impl BusStatus {
    /// Whether a store refuses to take or to give events until somebody sets it right. The queue is kept
    /// and consumers wait meanwhile; the circuits say where and why.
    #[must_use]
    pub fn needs_operator(&self) -> bool {
        let queues = self.queues.iter().map(|queue| &queue.circuit);
        queues.chain(self.consumers.iter().map(|consumer| &consumer.circuit)).any(Circuit::needs_operator)
    }
}

/// How sending to one topic goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicQueueStatus {
    /// The topic at the broker, with the prefix.
    pub topic: Topic,
    /// How many of its events are not acknowledged yet.
    pub queue_depth: usize,
    /// How long the oldest of them has waited.
    pub oldest_waiting: Option<Duration>,
    /// Whether the topic takes events.
    pub circuit: Circuit,
}

/// How consuming goes for one group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerStatus {
    /// The topic at the broker, with the prefix.
    pub topic: Topic,
    /// The group that the consumer is a member of.
    pub group: ConsumerGroup,
    /// Whether the topic gives events.
    pub circuit: Circuit,
}

/// Whether a topic takes events, or gives them to a consumer. One failure opens the circuit of a lane: an
/// event may not overtake another of its key, so nothing else is sent to the topic until the one that failed is
/// stored. That of a consumer is open from a failed call for messages to one that succeeds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Circuit {
    /// The last attempt succeeded, or there was none.
    #[default]
    Closed,
    /// The last attempt failed; the next one follows after a pause.
    #[non_exhaustive]
    Open {
        /// When the first of the failed attempts failed.
        since: Timestamp,
        /// How many attempts failed in a row.
        failures: u32,
        /// Why the last one did.
        last_error: String,
        /// Whether no time alone ends this: the store waits for somebody to set it right.
        needs_operator: bool,
        /// When the next one begins.
        next_attempt: Timestamp,
    },
    /// An attempt is under way after some that failed.
    #[non_exhaustive]
    HalfOpen {
        /// When the first of the failed attempts failed.
        since: Timestamp,
        /// How many attempts failed in a row.
        failures: u32,
        /// Why the last one did.
        last_error: String,
        /// Whether no time alone ends this: the store waits for somebody to set it right.
        needs_operator: bool,
    },
}

impl Circuit {
    /// The circuit after a further failure, with the pause that follows.
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

    /// The circuit when the pause is over.
    pub(super) fn tried(self) -> Self {
        match self {
            Self::Open { since, failures, last_error, needs_operator, .. } => {
                Self::HalfOpen { since, failures, last_error, needs_operator }
            }
            other => other,
        }
    }

    /// How many attempts failed in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        match self {
            Self::Closed => 0,
            Self::Open { failures, .. } | Self::HalfOpen { failures, .. } => *failures,
        }
    }

    /// Why the last attempt failed; `None` where it did not.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        match self {
            Self::Closed => None,
            Self::Open { last_error, .. } | Self::HalfOpen { last_error, .. } => Some(last_error),
        }
    }

    /// Whether the last attempt failed by what no time alone ends: a read-only store, a refused
    /// user, a damaged file.
    #[must_use]
    pub const fn needs_operator(&self) -> bool {
        match self {
            Self::Closed => false,
            Self::Open { needs_operator, .. } | Self::HalfOpen { needs_operator, .. } => *needs_operator,
        }
    }
}

/// The consumers of a bus, as long as each runs.
#[derive(Debug, Default)]
pub(super) struct Consumers(Mutex<Vec<Weak<Running>>>);

/// A consumer that runs.
#[derive(Debug)]
pub(super) struct Running {
    topic: Topic,
    group: ConsumerGroup,
    circuit: Mutex<Circuit>,
}

impl Consumers {
    /// One more, until what is given is dropped.
    pub(super) fn add(&self, topic: Topic, group: ConsumerGroup) -> Arc<Running> {
        let running = Arc::new(Running { topic, group, circuit: Mutex::default() });
        let mut all = lock(&self.0);
        all.retain(|running| running.strong_count() > 0);
        all.push(Arc::downgrade(&running));
        running
    }

    pub(super) fn status(&self) -> Vec<ConsumerStatus> {
        lock(&self.0).iter().filter_map(Weak::upgrade).map(|running| running.status()).collect()
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

    fn status(&self) -> ConsumerStatus {
        let circuit = lock(&self.circuit).clone();
        ConsumerStatus { topic: self.topic.clone(), group: self.group.clone(), circuit }
    }
}

/// What a panic left behind is still the truth: no change is done by halves.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
