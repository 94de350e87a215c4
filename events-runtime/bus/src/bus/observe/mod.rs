//! Observability: audit lines, the error log, metrics and spans.
//!
//! | what | where |
//! |---|---|
//! | a line without payload for each step of a message | `audit`; `keys` decides which keys may be logged |
//! | a record of each event that was not sent or became a dead letter | `failure`, `error_log` |
//! | metrics, and the lag of groups | `metrics`, `handler_times`, `lag` |
//! | spans, and the trace context of events | `span`, `propagator` |

mod audit;
mod error_log;
mod failure;
mod handler_times;
mod keys;
mod lag;
mod metrics;
mod propagator;
mod span;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::metrics::Label;

pub use audit::AUDIT_TARGET;
pub(super) use audit::{Action, AuditLine};
pub use error_log::ERROR_TARGET;
use error_log::{ErrorLog, FLUSH_TIMEOUT};
pub(super) use failure::Failure;
pub(super) use handler_times::HandlerTimes;
use keys::Keys;
pub(super) use lag::Watched;
pub(super) use metrics::{
    CIRCUIT_OPEN, CONSUMED, DEAD_LETTERED, DEDUP_FAILED, DEDUPLICATED, EMITTED, PARKED, PAUSED, QUEUE_DEPTH,
    RECEIVE_RETRIED, RETRIED, SCHEMA_WAITS, SCHEMAS_FETCHED, SCHEMAS_STORED, SEND_FAILED, SEND_RETRIED, SENT,
    SETTLE_FAILED, SKIPPED, STORE_REFUSES, TRACE_IGNORED, UNKNOWN, UNRECEIVED, describe,
};
pub use propagator::{TraceContext, TracePropagator};
pub(super) use propagator::{extract, inject};
pub(super) use span::{create_span, record_error, send_span};

use super::destination::labels;
use crate::config::{Config, Resolved};
use events_core::registry::Registry;
use events_transport::{ConsumerGroup, NameError, Topic, TopicPrefix, TransportName};

/// The outputs of a bus for operators.
pub(super) struct Observe {
    audit: bool,
    keys: Keys,
    registry: Option<&'static Registry>,
    error_log: Option<ErrorLog>,
}

/// The file of `bus.error_log` can't be written; becomes
/// [`StartError::ErrorLog`](super::StartError::ErrorLog).
pub(super) struct ErrorLogUnusable {
    pub(super) path: PathBuf,
    pub(super) place: String,
    pub(super) source: std::io::Error,
}

impl Observe {
    pub(super) fn new(
        config: &Config,
        registry: &'static Registry,
        resolved: &Resolved,
        prefix: Option<&TopicPrefix>,
    ) -> Result<Self, NameError> {
        let keys = Keys::new(registry, resolved, prefix)?;
        Ok(Self { audit: config.bus().audit, keys, registry: Some(registry), error_log: None })
    }

    /// Opens the file of `bus.error_log`, if there is one.
    pub(super) async fn open_error_log(mut self, config: &Config) -> Result<Self, ErrorLogUnusable> {
        let settings = config.bus();
        if let Some(path) = &settings.error_log {
            let opened = ErrorLog::open(path, settings.error_log_max_bytes.get()).await;
            self.error_log = Some(opened.map_err(|source| ErrorLogUnusable {
                path: path.clone(),
                place: config.explain().source_of("bus.error_log").to_string(),
                source,
            })?);
        }
        Ok(self)
    }

    /// No outputs, for sending without a bus.
    pub(super) fn nothing() -> Arc<Self> {
        Arc::new(Self { audit: false, keys: Keys::default(), registry: None, error_log: None })
    }

    /// Waits until the error log is written, for at most ten seconds.
    pub(super) async fn flush(&self) {
        self.flush_within(FLUSH_TIMEOUT).await;
    }

    /// Waits until the error log is written, for at most `timeout`.
    pub(super) async fn flush_within(&self, timeout: Duration) {
        if let Some(log) = &self.error_log {
            log.flush(timeout).await;
        }
    }
}

impl std::fmt::Debug for Observe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observe").field("audit", &self.audit).finish_non_exhaustive()
    }
}

/// The labels and outputs of one consumer.
pub(super) struct Consuming {
    pub(super) observe: Arc<Observe>,
    /// The transport's scheme, for spans.
    pub(super) system: Arc<str>,
    pub(super) topic: Topic,
    pub(super) transport: TransportName,
    pub(super) group: ConsumerGroup,
    pub(super) propagator: Option<Arc<dyn TracePropagator>>,
}

impl Consuming {
    /// Counts messages of this topic and group.
    pub(super) fn count(&self, name: &'static str, messages: u64) {
        ::metrics::counter!(name, self.labels()).increment(messages);
    }

    /// The labels of the consumer's metrics.
    fn labels(&self) -> Vec<Label> {
        self.labels_of(&self.group)
    }

    /// The labels of a group of the consumer's topic.
    fn labels_of(&self, group: &ConsumerGroup) -> Vec<Label> {
        let mut labels = labels(&self.topic, &self.transport);
        labels.push(Label::new("group", group.to_string()));
        labels
    }
}
