//! The handle of a running bus.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::builder::EventBusBuilder;
use super::consumer::Consume;
use super::flush::{FlushError, flush};
use super::observe::{Observe, TracePropagator};
use super::offsets::Offsets;
use super::outbound::OutboundQueues;
use super::replay::Replay;
use super::schemas::FetchedSchemas;
use super::status::{BusStatus, Consumers};
use super::transports::Transports;
use super::writers::Writers;
use crate::config::{Config, UnknownTransport};
use events_core::hub::Hub;
use events_core::internal::Outbound;
use events_core::registry::Registry;
use events_transport::{NameError, Topic, TopicPrefix, Transport, TransportName};

/// A running bus. Clones are handles to the same bus.
///
/// The hub keeps the bus running: dropping all handles stops nothing. [`shutdown`](Self::shutdown) stops it
/// and sends the queued events.
#[doc(alias("broker", "message bus", "pubsub"))]
#[derive(Clone)]
pub struct EventBus(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) config: Config,
    pub(super) hub: Hub,
    pub(super) registry: &'static Registry,
    pub(super) writers: Writers,
    pub(super) schemas: FetchedSchemas,
    pub(super) prefix: Option<TopicPrefix>,
    pub(super) transports: Transports,
    pub(super) queues: Arc<OutboundQueues>,
    pub(super) outbound: Arc<dyn Outbound>,
    /// One task per topic queue, until it has ended.
    pub(super) senders: Mutex<Vec<JoinHandle<()>>>,
    /// Whether consumers take events.
    pub(super) consuming: watch::Sender<bool>,
    pub(super) consumers: Consumers,
    pub(super) observe: Arc<Observe>,
    pub(super) propagator: Option<Arc<dyn TracePropagator>>,
}

impl EventBus {
    /// Returns a builder.
    pub fn builder() -> EventBusBuilder {
        EventBusBuilder::default()
    }

    /// Returns a consumer of a topic, by its base name. It emits the topic's events in this bus's hub.
    #[doc(alias("subscribe", "listen"))]
    pub fn consume(&self, topic: impl Into<String>) -> Consume {
        Consume::new(self, topic.into())
    }

    /// Returns a replay of a topic, by its base name. It emits past events in this bus's hub.
    #[doc(alias("reprocess", "rewind"))]
    pub fn replay(&self, topic: impl Into<String>) -> Replay {
        Replay::new(self, topic.into())
    }

    /// Returns the positions of a topic's groups on the transport of `[bus]`, by the topic's base name. For
    /// another transport, use [`Offsets::of`] with [`transport_named`](Self::transport_named).
    ///
    /// # Errors
    /// A [`NameError`] if the topic's name is invalid.
    #[doc(alias("seek", "lag", "rewind"))]
    pub fn offsets(&self, topic: &str) -> Result<Offsets<'_>, NameError> {
        Ok(Offsets::of(self.transport(), Topic::new(topic)?.with_prefix(self.prefix())?))
    }

    /// Pauses all consumers of this bus until [`resume_consumers`](Self::resume_consumers), for example
    /// while a downstream system is under maintenance. Consumers keep running and stay members of their
    /// group. Messages in flight are finished; fetched messages that are not in flight are released.
    /// `bus.consumer.enabled = false` starts a bus in this state.
    pub fn pause_consumers(&self) {
        self.0.consuming.send_replace(false);
    }

    /// Resumes the consumers after [`pause_consumers`](Self::pause_consumers).
    pub fn resume_consumers(&self) {
        self.0.consuming.send_replace(true);
    }

    /// Whether the consumers are paused.
    pub fn consumers_paused(&self) -> bool {
        !*self.0.consuming.borrow()
    }

    /// The number of events that are not acknowledged yet.
    pub fn queue_depth(&self) -> usize {
        self.0.queues.capacity().used()
    }

    /// The state of sending and consuming: queue depths, waiting times, open circuits, whether [an operator must
    /// act](BusStatus::needs_operator), and whether the consumers [are alive](BusStatus::stalled).
    pub fn status(&self) -> BusStatus {
        let queues: Vec<_> = self.0.queues.topic_queues().iter().map(|queue| queue.status()).collect();
        let (consumers, failed) = self.0.consumers.status(self.consumers_paused(), &self.0.schemas);
        BusStatus {
            queue_depth: self.queue_depth(),
            queue_capacity: self.0.queues.capacity().total(),
            oldest_waiting: queues.iter().filter_map(|queue| queue.oldest_waiting).max(),
            queues,
            consumers,
            failed,
        }
    }

    /// The hub whose events the bus sends, and in which it emits consumed events.
    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// The definitions of the events that the bus can consume.
    pub fn registry(&self) -> &'static Registry {
        self.0.registry
    }

    /// The transport of `[bus]`.
    pub fn transport(&self) -> &dyn Transport {
        self.0.transports.default()
    }

    /// The transport of `[transports.NAME]`, or of `[bus]` for the name `bus`.
    ///
    /// # Errors
    /// An [`UnknownTransport`] that suggests a similar name.
    pub fn transport_named(&self, name: &str) -> Result<&dyn Transport, UnknownTransport> {
        let unknown = |_| UnknownTransport::new(name, self.0.transports.names());
        let name = TransportName::new(name).map_err(unknown)?;
        Ok(&*self.0.transports.get(&name)?.transport)
    }

    /// The configuration that the bus was started with.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The prefix of every topic's name at the broker.
    pub fn prefix(&self) -> Option<&TopicPrefix> {
        self.0.prefix.as_ref()
    }

    /// Waits until every event emitted before this call is acknowledged or permanently refused; the
    /// emission reports which. Events emitted later are not waited for.
    ///
    /// # Errors
    /// A [`FlushError`] that lists the events not acknowledged in time. The bus keeps sending them.
    pub async fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        flush(self.0.queues.topic_queues(), timeout).await
    }
}

impl fmt::Debug for EventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBus").field("transport", &self.transport().url()).finish_non_exhaustive()
    }
}
