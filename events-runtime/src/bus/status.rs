//! How sending goes, for health checks.

use std::time::Duration;

use jiff::Timestamp;

use crate::transport::Topic;

/// How sending goes, at one moment; see [`EventBus::status`](super::EventBus::status).
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
    pub lanes: Vec<LaneStatus>,
}

/// How sending to one topic goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneStatus {
    /// The topic at the broker, with the prefix.
    pub topic: Topic,
    /// How many of its events are not acknowledged yet.
    pub queue_depth: usize,
    /// How long the oldest of them has waited.
    pub oldest_waiting: Option<Duration>,
    /// Whether the topic takes events.
    pub circuit: Circuit,
}

/// Whether a topic takes events. One failure opens the circuit: an event may not overtake another of
/// its key, so nothing else is sent to the topic until the one that failed is stored.
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
    },
}

impl Circuit {
    /// The circuit after a further failure, with the pause that follows.
    pub(super) fn failed(self, last_error: String, pause: Duration) -> Self {
        let now = Timestamp::now();
        let next_attempt = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
        let (since, failures) = match self {
            Self::Closed => (now, 1),
            Self::Open { since, failures, .. } | Self::HalfOpen { since, failures, .. } => {
                (since, failures.saturating_add(1))
            }
        };
        Self::Open { since, failures, last_error, next_attempt }
    }

    /// The circuit when the pause is over.
    pub(super) fn tried(self) -> Self {
        match self {
            Self::Open { since, failures, last_error, .. } => Self::HalfOpen { since, failures, last_error },
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
}
