//! Queues the hub's events: encodes them, wraps them in envelopes and enqueues them. Never blocks.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::capacity::Capacity;
use super::destination::Destination;
use super::observe::{Failure, SEND_FAILED, TracePropagator, create_span, inject};
use super::outputs::Outputs;
use super::record::FailureKind;
use super::route::{Route, Routes, TypeRoutes};
use super::sender::Phase;
use super::topic_queue::{Closed, TopicQueue};
use crate::envelope::Envelope;
use events_core::avro::{DecodeError, EncodeError};
use events_core::internal::{AnyEvent, Outbound};
use events_core::internal::{PendingTopic, PendingTopics};
use events_core::signal::SendError;
use events_support::error_chain::{caught, chain};
use events_transport::Message;

/// The reason why an event was not given to the transport. No topic holds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// The payload has a value that its schema can't hold.
    #[error("the payload could not be encoded")]
    Encode(#[from] EncodeError),
    /// The payload's own code panicked: a `with` module or a hand-written `EventData`.
    #[error("encoding the payload panicked: {message}")]
    Panicked {
        /// The panic's message, if it is text.
        message: String,
    },
    /// The route's key could not be read from the datum.
    #[error("the key could not be read from the encoded event")]
    Key(#[source] DecodeError),
    /// The queue is full.
    #[error(
        "the queue is full: {capacity} events are waiting for the transport, which is slower than the emitter or unreachable; emit again later, or raise `bus.queue_capacity`"
    )]
    QueueFull {
        /// The queue's capacity.
        capacity: usize,
    },
    /// The bus was shut down.
    #[error("the bus was shut down; emit before `shutdown`")]
    ShutDown,
}

/// The position of an event that is stored with the acknowledgement of the message that is being handled.
const WITH_ACK: &str = "with the acknowledgement";

/// Who counts emitted events, for the recorder of metrics.
static COUNTED: metrics::Metadata<'static> =
    metrics::Metadata::new(module_path!(), metrics::Level::INFO, Some(module_path!()));

/// The topic queues of a bus. The hub offers its events to them.
pub(super) struct OutboundQueues {
    routes: Routes,
    capacity: Arc<Capacity>,
    propagator: Option<Arc<dyn TracePropagator>>,
    /// Part of the queues and not of the bus's handle: the hub holds the queues, so the senders run for as
    /// long as events can be offered.
    pub(super) phase: watch::Sender<Phase>,
}

impl OutboundQueues {
    /// Queues that hold `capacity` events in total.
    pub(super) fn new(routes: Routes, capacity: usize, propagator: Option<Arc<dyn TracePropagator>>) -> Self {
        let (capacity, phase) = (Capacity::new(capacity), watch::Sender::new(Phase::Running));
        Self { routes, capacity, propagator, phase }
    }

    pub(super) fn topic_queues(&self) -> &[Arc<TopicQueue>] {
        &self.routes.queues
    }

    pub(super) fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    fn enqueue(
        &self,
        route: &Route,
        event: &dyn AnyEvent,
        datum: &Bytes,
    ) -> Result<PendingTopic, OutboundError> {
        if let Some(outputs) = Outputs::of(&route.queue) {
            let message = self.message(route, event, datum)?;
            match outputs.add(&route.queue, message) {
                Ok(()) => return Ok(PendingTopic::settled(Arc::clone(&route.name), Ok(WITH_ACK.to_owned()))),
                // The handling has ended, so the event is queued as any other.
                Err(_) => drop(outputs),
            }
        }
        let limit = self.limit(&route.queue);
        let permit = self.capacity.try_acquire(limit).ok_or(OutboundError::QueueFull { capacity: limit })?;
        let message = self.message(route, event, datum)?;
        let (settle, pending) = PendingTopic::waiting(Arc::clone(&route.name));
        route.queue.push(message, settle, permit).map_err(|Closed| OutboundError::ShutDown)?;
        Ok(pending)
    }

    fn message(&self, route: &Route, event: &dyn AnyEvent, datum: &Bytes) -> Result<Message, OutboundError> {
        let descriptor = event.descriptor();
        let mut metadata = event.metadata().clone();
        let span = create_span(&route.queue.system, &route.queue.to.topic, &metadata);
        let _entered = span.enter();
        inject(self.propagator.as_deref(), &span, &mut metadata);
        let fingerprint = (descriptor.fingerprint)();
        let mut envelope = Envelope::new(metadata, Some(fingerprint), datum.clone());
        envelope.key = route.key(event, datum).map_err(OutboundError::Key)?;
        let key = || route.key_schema(descriptor);
        route.schema.note(descriptor, fingerprint, key, &route.queue.schemas);
        Ok(envelope.into_message())
    }

    /// The number of waiting events up to which this queue accepts another. A failing topic leaves the last
    /// quarter of the capacity to the others, which its backlog would block otherwise.
    fn limit(&self, queue: &TopicQueue) -> usize {
        let capacity = self.capacity.total();
        if self.routes.queues.len() > 1 && !queue.is_circuit_closed() {
            return capacity - capacity / 4;
        }
        capacity
    }
}

impl Outbound for OutboundQueues {
    fn offer(&self, event: &dyn AnyEvent, pending: &mut PendingTopics) {
        let Some(TypeRoutes { routes, emitted }) = self.routes.of(event.descriptor().event_type) else {
            return;
        };
        metrics::with_recorder(|recorder| recorder.register_counter(emitted, &COUNTED).increment(1));
        let mut datum = Vec::new();
        let encoded = caught(|| event.append_datum(&mut datum));
        let datum = Bytes::from(datum);
        pending.extend(routes.iter().map(|route| {
            let queued = match &encoded {
                Ok(Ok(())) => caught(|| self.enqueue(route, event, &datum))
                    .unwrap_or_else(|message| Err(OutboundError::Panicked { message })),
                Ok(Err(fault)) => Err(OutboundError::Encode(fault.clone())),
                Err(message) => Err(OutboundError::Panicked { message: message.clone() }),
            };
            queued.unwrap_or_else(|error| {
                let encoded = matches!(encoded, Ok(Ok(()))).then_some(&datum);
                failed(event, route, &error, encoded);
                PendingTopic::settled(Arc::clone(&route.name), Err(SendError::Failed(error.into())))
            })
        }));
    }
}

fn failed(event: &dyn AnyEvent, route: &Route, error: &OutboundError, datum: Option<&Bytes>) {
    let Destination { topic, transport } = &route.queue.to;
    metrics::counter!(SEND_FAILED, route.queue.to.labels()).increment(1);
    let text = "an event was not sent";
    let failure =
        Failure { kind: FailureKind::NotSent, error: chain(error), topic, transport, received: None, text };
    let Some(datum) = datum else {
        return route.queue.observe.failed_unencoded(&failure, event.metadata());
    };
    let fingerprint = (event.descriptor().fingerprint)();
    let mut envelope = Envelope::new(event.metadata().clone(), Some(fingerprint), datum.clone());
    // If the key could not be read, the record has none.
    envelope.key = caught(|| route.key(event, datum)).ok().and_then(Result::ok).flatten();
    route.queue.observe.failed(&failure, &envelope.into_message());
}

impl std::fmt::Debug for OutboundQueues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboundQueues")
            .field("routes", &self.routes)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
