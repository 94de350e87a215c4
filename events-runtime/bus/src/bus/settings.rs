//! The settings of a consumer.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::middleware::Middleware;
use super::retry::Backoff;
use crate::config::{Exhausted, UnhandledEvents, UnknownEvents};
use crate::inbox::SeenEvents;

/// The effective settings of a running consumer.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) batch_size: usize,
    pub(super) lease: Duration,
    pub(super) unknown_events: UnknownEvents,
    pub(super) concurrency: usize,
    pub(super) max_consecutive_errors: Option<NonZeroU32>,
    pub(super) drain_timeout: Option<Duration>,
    /// Outermost first.
    pub(super) middleware: Arc<[Middleware]>,
    pub(super) seen: Option<Arc<dyn SeenEvents>>,
}

/// The effective settings of one topic of a consumer.
#[derive(Debug, Clone)]
pub(super) struct TopicSettings {
    pub(super) max_attempts: u32,
    pub(super) backoff: Backoff,
    pub(super) exhausted: Exhausted,
    pub(super) unhandled: UnhandledEvents,
    pub(super) unknown_schema_wait: Duration,
    pub(super) transactions: bool,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("batch_size", &self.batch_size)
            .field("lease", &self.lease)
            .field("unknown_events", &self.unknown_events)
            .field("concurrency", &self.concurrency)
            .field("max_consecutive_errors", &self.max_consecutive_errors)
            .field("drain_timeout", &self.drain_timeout)
            .field("middleware", &self.middleware.len())
            .field("dedup", &self.seen.is_some())
            .finish()
    }
}
