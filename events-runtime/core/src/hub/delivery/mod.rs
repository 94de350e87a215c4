//! Results that follow after `emit` has returned: those of async receivers and topics.

mod error;
mod pending;
mod wait;

#[cfg(doc)]
use std::error::Error;
use std::sync::Arc;

use crate::receiver::{BoxError, Response};

pub use error::{AcknowledgementError, DeliveryError, ReceptionError};
pub(crate) use pending::{Pending, PendingReceiver, PendingResult};
pub use pending::{PendingTopic, PendingTopics};

/// The results of an emission: the response of every async receiver and the outcome of every topic.
#[derive(Debug, Default)]
pub struct Delivered {
    receivers: Vec<Response>,
    topics: Vec<TopicOutcome>,
}

impl Delivered {
    /// The responses of the async receivers, in the order in which they were started.
    pub fn receivers(&self) -> &[Response] {
        &self.receivers
    }

    /// The outcome for each topic that the event is routed to.
    pub fn topics(&self) -> &[TopicOutcome] {
        &self.topics
    }
}

/// What the brokers answered to an emission: [`Emission::acknowledged`](crate::Emission::acknowledged).
#[derive(Debug, Clone, Default)]
pub struct Acknowledged {
    topics: Vec<TopicOutcome>,
}

impl Acknowledged {
    /// The topics that the event is routed to, each with the position that its broker gave the event. Empty if
    /// no bus is attached to the hub, if the event type has no enabled route, and if the signal is disabled:
    /// then no broker has the event.
    pub fn topics(&self) -> &[TopicOutcome] {
        &self.topics
    }
}

/// What the async receivers answered to an emission: [`Emission::received`](crate::Emission::received).
#[derive(Debug, Clone, Default)]
pub struct Received {
    receivers: Vec<Response>,
}

impl Received {
    /// The responses of the async receivers, in the order in which they were started.
    pub fn receivers(&self) -> &[Response] {
        &self.receivers
    }
}

/// The outcome of sending an event to one topic.
#[derive(Debug, Clone)]
pub struct TopicOutcome {
    topic: Arc<str>,
    result: Result<String, Arc<SendError>>,
}

impl TopicOutcome {
    /// The topic's name, without the prefix.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The position in the topic, in the transport's own form.
    ///
    /// # Errors
    /// A [`SendError`] if the broker has not acknowledged the event.
    pub fn result(&self) -> Result<&str, &SendError> {
        self.result.as_deref().map_err(|error| &**error)
    }
}

/// The reason why a topic did not acknowledge an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The bus or the transport failed. The [`source`](Error::source) is its error.
    #[error("the event was not sent")]
    Failed(#[source] BoxError),
    /// The bus was shut down while the event was queued or in flight. `EventBus::shutdown` returns such
    /// messages; they keep their ids when they are sent again.
    #[error("the bus was shut down before the broker acknowledged the event, which may be stored anyway")]
    ShutDown,
    /// The broker had not acknowledged the event when a wait with a timeout, such as
    /// [`Emission::wait_timeout`](crate::Emission::wait_timeout), timed out.
    #[error("the wait timed out before the broker acknowledged the event, which may still be sent")]
    Unfinished,
    /// A blocking wait, such as [`Emission::wait`](crate::Emission::wait), did not wait: it would have blocked
    /// the thread that receives the acknowledgement.
    #[error(
        "did not wait for the acknowledgement, because that would block the thread that receives it; the event may still be sent: await `acknowledged()` or `delivered()`, or wait in `spawn_blocking`"
    )]
    WouldBlock,
}
