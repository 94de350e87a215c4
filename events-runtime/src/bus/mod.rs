//! The event bus: from the hub out to a transport, and from a transport into the hub.
//!
//! ```text
//! hub ▶ outbound (encode, envelope) ▶ a lane for each topic ▶ sender (batches, retries) ▶ transport
//! transport ▶ worker (receives, settles) ▶ lanes (some at once) ▶ around (hooks)
//!           ▶ inbound (envelope, registry, decode) ▶ hub
//! ```
//!
//! | promise | how |
//! |---|---|
//! | emitting never blocks | a bounded queue; a full one is an error in the emission |
//! | at least once | an event is acknowledged after every receiver succeeded |
//! | in order per key | one lane and one sender for a topic, and no later event of a key before an earlier one |
//! | a topic that is away stops no other | lanes of their own, and a share of the queue that is left to the others |
//! | no key waits for another | a failed event holds back its own key; lanes never hold two of one |
//! | no loops | events that came from a bus are not offered to one |
//!
//! # Audit lines
//! `bus.audit = true` has a log event for each message that is sent, received and settled, without its
//! payload, on the `tracing` target [`AUDIT_TARGET`]. It is off unless asked for: it is a line for every
//! event. A key that may be personal data is `***`.
//!
//! # The error log
//! An event that is not sent for good (refused, no place in the queue, not encoded, left behind by a
//! [shutdown](EventBus::shutdown)) and one that a consumer gives up are each an error event on the target
//! [`ERROR_TARGET`], with personal data masked. `bus.error_log = "errors.jsonl"` writes them whole to a file
//! that only its owner may read, a line of JSON each:
//!
//! ```json
//! {"log":1,"logged":"2026-02-28T13:05:00Z","failure":"not-sent","error":"…","topic":"dev-orders",
//!  "key":"c1","metadata":{"event_type":"…","id":"…","minorversion":0,"source":"shop","time":"…"},
//!  "schemafp":"00abcdef01234567","data":{"number":7}}
//! ```
//!
//! `produce --from-log FILE` sends them again, in order and with their ids, and removes the file;
//! `produce --event LINE` sends one. An event that was given up is a dead letter as well: send it from
//! one of the two. Data of another version's schema, and what can't be read, is `data_base64`. The file is
//! written by a thread of its own; what it can't take is counted and told.
//!
//! # Metrics
//! By the [`metrics`] facade; a topic is named as the broker names it, with the prefix. They are described
//! to the recorder each time that a bus starts: install it before.
//!
//! | name | kind | labels | meaning |
//! |---|---|---|---|
//! | `events_emitted_total` | counter | `event_type` | events that were given to a bus and have a route |
//! | `events_sent_total` | counter | `topic` | messages that a topic acknowledged |
//! | `events_send_failed_total` | counter | `topic` | messages that were refused for good, or that the queue had no place for |
//! | `events_send_retried_total` | counter | `topic` | failed attempts that are followed by another |
//! | `events_store_refuses_total` | counter | `topic`, and `group` for consumers | failed calls to a store that refuses all until somebody sets it right (its disk, a user, a password); the queue is kept and consumers wait |
//! | `events_queue_depth` | gauge | `topic` | messages that are not acknowledged yet, at the last step of the lane |
//! | `events_circuit_open` | gauge | `topic` | 1 while the last attempt to send failed, else 0 |
//! | `events_consumed_total` | counter | `topic`, `group` | messages that were acknowledged to the topic |
//! | `events_retried_total` | counter | `topic`, `group` | messages that were handed back after a failure |
//! | `events_dead_lettered_total` | counter | `topic`, `group` | messages that went to the dead letters |
//! | `events_receive_retried_total` | counter | `topic`, `group` | failed calls for messages that are followed by another |
//! | `events_skipped_total` | counter | `topic`, `group` | messages that receivers passed over |
//! | `events_parked_total` | counter | `topic`, `group` | messages whose attempts are used up and that stay in place |
//! | `events_settle_failed_total` | counter | `topic`, `group` | outcomes that the transport did not store; their messages come again |
//! | `events_unknown_total` | counter | `topic`, `group` | events of types that are not linked |
//! | `events_deduplicated_total` | counter | `topic`, `group` | events that [`Consume::dedup`] held back, acknowledged all the same |
//! | `events_dedup_failed_total` | counter | `topic`, `group` | handled events that could not be remembered |
//! | `events_unreceived_total` | counter | `topic`, `group` | events that came and had no receiver |
//! | `events_trace_ignored_total` | counter | `topic`, `group` | headers of a trace context that came twice or are no text; their events are taken all the same |
//! | `events_consumer_lag` | gauge | `topic`, `group`, `partition` | messages that the group has not settled, asked each `bus.consumer.lag_interval` while a consumer runs; partition `0` where the transport has none |
//! | `events_handler_seconds` | histogram | `event_type`, `group` | seconds that decoding and all receivers of an event took |
//! | `events_error_log_lost_total` | counter | | events that could not be written to the error log |
//! | `events_receiver_failures_total` | counter | `event_type`, `receiver` | receivers that failed, with or without a bus |
//!
//! # Traces
//! `tracing` spans at debug level, with the names and attributes of OpenTelemetry's [messaging
//! conventions]; a subscriber that leaves out debug level pays nothing for them.
//!
//! | span | kind | around |
//! |---|---|---|
//! | `create` | producer | an event becoming a message of a topic, on the emitting thread |
//! | `send` | client | a call that sends |
//! | `receive` | client | messages that came, and nothing where none did |
//! | `process` | consumer | the work on one message: hooks, decoding, and every receiver, async ones too |
//! | `settle` | client | an outcome on its way: `ack`, `retry`, `release` or `reject` |
//!
//! What failed has `error.type` and `otel.status_code`. A W3C trace context travels as the extensions
//! `traceparent` and `tracestate`. A [`TracePropagator`] puts the emitter's there and links the `process`
//! span to it; without one, set them by
//! [`EmitOptions::extension`](crate::EmitOptions::extension), and read them in the receiver's metadata.
//!
//! [messaging conventions]: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
//! [`metrics`]: https://docs.rs/metrics

mod around;
mod batch;
mod builder;
mod consumer;
mod dead_letters;
mod dedup;
mod disagreement;
mod error;
mod flush;
mod guarded;
mod inbound;
mod lane;
mod lanes;
mod observe;
mod offsets;
mod outbound;
mod rejections;
mod replay;
#[cfg(feature = "cli")]
mod resend;
mod retry;
mod route;
mod sender;
mod settling;
mod spill;
mod status;
mod untaken;
mod worker;
mod writers;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use around::{MessageInfo, Next, Processed};
pub use builder::EventBusBuilder;
pub use consumer::Consume;
pub use dead_letters::{DeadLetter, DeadLetters, Handled, LineError, Listing, Restored};
pub use error::{
    ConsumeError, InboundError, OutboundError, ReceiverFailure, ShutdownError, StartError, Undelivered,
};
pub use flush::{FlushError, Unacknowledged};
pub use observe::{AUDIT_TARGET, ERROR_TARGET, TraceContext, TracePropagator};
pub use offsets::{Offsets, OffsetsError, Place, PlaceError, Reset};
pub use replay::{Replay, ReplayError, Replayed};
#[cfg(feature = "cli")]
pub(crate) use resend::{Resent, resend};
pub use retry::Backoff;
#[cfg(feature = "cli")]
pub(crate) use sender::Sending;
pub use settling::Consumed;
pub use spill::SpillError;
#[cfg(feature = "cli")]
pub(crate) use spill::{Damage, LINE_AT_MOST, SpillFile, event_of_line};
use status::Consumers;
pub use status::{BusStatus, Circuit, ConsumerStatus, LaneStatus};
pub(crate) use writers::Writers;
pub use writers::{AmbiguousSchema, SchemasError};

use self::observe::{Failure, NOT_SENT, Observe};
use self::outbound::Queue;
use self::sender::Phase;
use crate::config::Config;
use crate::hub::{Hub, Outbound};
use crate::registry::Registry;
use crate::transport::{NameError, Topic, TopicPrefix, Transport};

/// A running bus. A handle: clones are the same bus.
///
/// The hub keeps it running: dropping the handles stops nothing. End it with
/// [`shutdown`](Self::shutdown), which sends what still waits.
#[doc(alias("broker", "message bus", "pubsub"))]
#[derive(Clone)]
pub struct EventBus(Arc<Inner>);

struct Inner {
    config: Config,
    hub: Hub,
    registry: &'static Registry,
    writers: Writers,
    prefix: Option<TopicPrefix>,
    transport: Box<dyn Transport>,
    queue: Arc<Queue>,
    outbound: Arc<dyn Outbound>,
    /// One for each lane, until it has ended.
    senders: Mutex<Vec<JoinHandle<()>>>,
    /// Whether consumers take events.
    consuming: watch::Sender<bool>,
    consumers: Consumers,
    observe: Arc<Observe>,
    /// The transport's scheme, for spans.
    system: Arc<str>,
    propagator: Option<Arc<dyn TracePropagator>>,
}

impl EventBus {
    /// Sets up a bus.
    pub fn builder() -> EventBusBuilder {
        EventBusBuilder::default()
    }

    /// A consumer of a topic, by its base name: its events are emitted again in this bus's hub.
    #[doc(alias("subscribe", "listen"))]
    pub fn consume(&self, topic: impl Into<String>) -> Consume {
        Consume::new(self, topic.into())
    }

    /// A replay of a topic, by its base name: events of the past are emitted again in this bus's hub.
    #[doc(alias("reprocess", "rewind"))]
    pub fn replay(&self, topic: impl Into<String>) -> Replay {
        Replay::new(self, topic.into())
    }

    /// Where the groups of a topic stand, by its base name.
    ///
    /// # Errors
    /// A [`NameError`] where the topic's name can't be used.
    #[doc(alias("seek", "lag", "rewind"))]
    pub fn offsets(&self, topic: &str) -> Result<Offsets<'_>, NameError> {
        Ok(Offsets::of(self.transport(), Topic::new(topic)?.with_prefix(self.prefix())?))
    }

    /// Has every consumer of this bus take no more events until
    /// [`resume_consumers`](Self::resume_consumers): a switch for the day when something behind the
    /// receivers must be left alone. Consumers go on running and keep their place in the group; what
    /// is at work is finished, what is not begun is handed back. `bus.consumer.enabled = false`
    /// starts a bus so.
    pub fn pause_consumers(&self) {
        self.0.consuming.send_replace(false);
    }

    /// Ends [`pause_consumers`](Self::pause_consumers).
    pub fn resume_consumers(&self) {
        self.0.consuming.send_replace(true);
    }

    /// Whether consumers take no events.
    pub fn consumers_paused(&self) -> bool {
        !*self.0.consuming.borrow()
    }

    /// How many events are not acknowledged yet.
    pub fn queue_depth(&self) -> usize {
        self.0.queue.places().taken()
    }

    /// How sending and consuming go: what waits, for how long, which topics are away, and whether
    /// [somebody must act](BusStatus::needs_operator).
    pub fn status(&self) -> BusStatus {
        let lanes: Vec<_> = self.0.queue.lanes().iter().map(|lane| lane.status()).collect();
        BusStatus {
            queue_depth: self.queue_depth(),
            queue_capacity: self.0.queue.places().capacity(),
            oldest_waiting: lanes.iter().filter_map(|lane| lane.oldest_waiting).max(),
            lanes,
            consumers: self.0.consumers.status(),
        }
    }

    /// The hub whose events leave here, and where consumed events are emitted.
    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// The definitions that consumed events are looked up in.
    pub fn registry(&self) -> &'static Registry {
        self.0.registry
    }

    /// The transport.
    pub fn transport(&self) -> &dyn Transport {
        &*self.0.transport
    }

    /// The configuration that the bus was started with.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// What stands before every topic's name at the broker.
    pub fn prefix(&self) -> Option<&TopicPrefix> {
        self.0.prefix.as_ref()
    }

    /// Waits until every event that was emitted before this call is acknowledged, or refused for
    /// good, which its emission tells. Later events go on as usual and are not waited for.
    ///
    /// # Errors
    /// A [`FlushError`] that lists the events that were not in time. They are still being sent.
    pub async fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        flush::flush(self.0.queue.lanes(), timeout).await
    }

    /// Takes no more events and sends those that wait, for at most this long.
    ///
    /// Returns when that has ended, whoever called it first; a call after the end does nothing.
    /// Dropping the future leaves the bus draining. Consumers are ended by their own futures; end
    /// them first.
    ///
    /// # Errors
    /// A [`ShutdownError`] with the events that were not acknowledged in time; their emissions were
    /// told so, and each is in the error log.
    pub async fn shutdown(&self, timeout: Duration) -> Result<(), ShutdownError> {
        let begun = Instant::now();
        let ended = self.end(timeout).await;
        if let Err(error) = &ended {
            self.tell_undelivered(error);
        }
        self.0.observe.flush_within(left(begun, timeout)).await;
        ended
    }

    /// A record for each event that a shutdown leaves behind.
    fn tell_undelivered(&self, error: &ShutdownError) {
        for Undelivered { topic, message } in &error.undelivered {
            let reason = "it was not acknowledged before the bus was shut down".to_owned();
            let text = "an event was not sent";
            let failure = Failure { kind: NOT_SENT, error: reason, topic, received: None, text };
            self.0.observe.failed(&failure, message);
        }
    }

    async fn end(&self, timeout: Duration) -> Result<(), ShutdownError> {
        self.0.hub.detach(&self.0.outbound);
        let phase = &self.0.queue.phase;
        phase.send_if_modified(|phase| {
            let runs = *phase == Phase::Running;
            if runs {
                *phase = Phase::Draining;
            }
            runs
        });
        // Held to the end, so that a second caller waits too; given up where this future is dropped.
        let mut senders = self.0.senders.lock().await;
        if tokio::time::timeout(timeout, join(&mut senders)).await.is_err() {
            phase.send_replace(Phase::Abandoning);
            join(&mut senders).await;
        }
        ShutdownError::of(self.0.queue.lanes())
    }

    /// [`shutdown`](Self::shutdown), and what was not acknowledged in time is written to a file,
    /// behind what is there already; not to the error log. Gives the number of events written; where it is not 0,
    /// `produce --from-spill` sends them later, with the ids they have.
    ///
    /// The file is written on a thread for what blocks. Its lock, and the error log, are waited for until
    /// the time is over, and for a second at least.
    ///
    /// # Errors
    /// A [`SpillError`] that holds the events, where the file can't be written: such as where another
    /// process holds its lock.
    pub async fn shutdown_or_spill(
        &self,
        timeout: Duration,
        path: impl AsRef<Path>,
    ) -> Result<usize, SpillError> {
        let begun = Instant::now();
        let ended = self.end(timeout).await;
        self.0.observe.flush_within(left(begun, timeout)).await;
        let Err(error) = ended else { return Ok(0) };
        let path = path.as_ref();
        let events = error.spill_within(path, left(begun, timeout)).await?;
        tracing::warn!(events, path = %path.display(), "events that were not sent are in the spill file");
        Ok(events)
    }
}

/// How long a shutdown still waits for files: what is left of its time, and long enough for a write that
/// is under way.
fn left(begun: Instant, timeout: Duration) -> Duration {
    timeout.saturating_sub(begun.elapsed()).clamp(Duration::from_secs(1), spill::LOCK_AT_MOST)
}

/// Waits for tasks to end, and forgets those that have. One that was cancelled or panicked has told
/// its lane.
async fn join(tasks: &mut Vec<JoinHandle<()>>) {
    while let Some(task) = tasks.last_mut() {
        let _ = task.await;
        tasks.pop();
    }
}

impl fmt::Debug for EventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBus").field("transport", &self.0.transport.url()).finish_non_exhaustive()
    }
}
