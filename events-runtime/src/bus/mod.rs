//! The event bus: from the hub out to a transport, and from a transport into the hub.
//!
//! ```text
//! hub ▶ outbound (encode, envelope, enqueue) ▶ sender (batches, retries) ▶ transport
//! transport ▶ consumer (receives, settles) ▶ inbound (envelope, registry, decode) ▶ hub
//! ```
//!
//! | promise | how |
//! |---|---|
//! | emitting never blocks | a bounded queue; a full one is an error in the emission |
//! | at least once | an event is acknowledged after every receiver succeeded |
//! | in order per key | one queue, one sender, and no later event of a key before an earlier one |
//! | no loops | events that came from a bus are not offered to one |

mod builder;
mod consumer;
mod error;
mod inbound;
mod outbound;
mod retry;
mod route;
mod sender;
mod settling;
mod worker;
mod writers;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;

pub use builder::EventBusBuilder;
pub use consumer::Consume;
pub use error::{ConsumeError, InboundError, OutboundError, ShutdownError, StartError, Undelivered};
pub use retry::Backoff;
pub use settling::Consumed;
pub(crate) use writers::Writers;
pub use writers::{AmbiguousSchema, SchemasError};

use self::outbound::Queue;
use self::sender::Phase;
use crate::config::Config;
use crate::hub::{Hub, Outbound};
use crate::registry::Registry;
use crate::transport::{TopicPrefix, Transport};

/// A running bus. A handle: clones are the same bus.
///
/// The hub keeps it running: dropping the handles stops nothing. End it with
/// [`shutdown`](Self::shutdown), which sends what still waits.
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
    sender: Mutex<Option<JoinHandle<Result<(), ShutdownError>>>>,
}

impl EventBus {
    /// Sets up a bus.
    pub fn builder() -> EventBusBuilder {
        EventBusBuilder::default()
    }

    /// A consumer of a topic, by its base name: its events are emitted again in this bus's hub.
    pub fn consume(&self, topic: impl Into<String>) -> Consume {
        Consume::new(self, topic.into())
    }

    /// How many events wait to be handed to the transport.
    pub fn queue_depth(&self) -> usize {
        self.0.queue.depth()
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

    /// Takes no more events and sends those that wait, for at most this long.
    ///
    /// Returns when that has ended, whoever called it first; a call after the end does nothing.
    /// Dropping the future leaves the bus draining. Consumers are ended by their own futures; end
    /// them first.
    ///
    /// # Errors
    /// A [`ShutdownError`] with the events that were not acknowledged in time; their emissions were
    /// told so.
    pub async fn shutdown(&self, timeout: Duration) -> Result<(), ShutdownError> {
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
        let mut sender = self.0.sender.lock().await;
        let Some(task) = sender.as_mut() else { return Ok(()) };
        let ended = if let Ok(ended) = tokio::time::timeout(timeout, &mut *task).await {
            ended
        } else {
            phase.send_replace(Phase::Abandoning);
            task.await
        };
        *sender = None;
        match ended {
            Ok(result) => result,
            // The runtime is going down, or the sender has a bug; the emissions were told.
            Err(error) => Err(ShutdownError { undelivered: Vec::new(), last_error: Some(error.to_string()) }),
        }
    }
}

impl fmt::Debug for EventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBus").field("transport", &self.0.transport.url()).finish_non_exhaustive()
    }
}
