//! From the hub into the queue: encode, envelope, enqueue. Never blocks.

use std::sync::Arc;

use bytes::Bytes;
use futures_channel::oneshot;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::error::{OutboundError, caught};
use super::route::{Route, Routes};
use super::sender::Phase;
use crate::envelope::Envelope;
use crate::hub::{AnyEvent, Outbound};
use crate::signal::{PendingTopic, SendError};
use crate::transport::{Message, Topic};

/// A message on its way to a topic, and who waits for its end.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) topic: Topic,
    pub(super) message: Message,
    pub(super) settle: oneshot::Sender<Result<String, SendError>>,
}

/// What a hub offers its events to.
#[derive(Debug)]
pub(super) struct Queue {
    routes: Routes,
    sender: mpsc::Sender<Outgoing>,
    /// Here and not in the bus's handle: the hub holds the queue, and so the sender works for as
    /// long as events can be offered.
    pub(super) phase: watch::Sender<Phase>,
}

impl Queue {
    /// A queue of this capacity in events, and its end.
    pub(super) fn new(routes: Routes, capacity: usize) -> (Self, mpsc::Receiver<Outgoing>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self { routes, sender, phase: watch::Sender::new(Phase::Running) }, receiver)
    }

    /// How many events wait to be handed to the transport.
    pub(super) fn depth(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    fn enqueue(
        &self,
        route: &Route,
        event: &dyn AnyEvent,
        datum: &Bytes,
    ) -> Result<PendingTopic, OutboundError> {
        let descriptor = event.descriptor();
        let mut envelope =
            Envelope::new(event.metadata().clone(), Some((descriptor.fingerprint)()), datum.clone());
        envelope.key = route.key(event, datum)?;
        let (settle, pending) = PendingTopic::waiting(Arc::clone(&route.name));
        let outgoing = Outgoing { topic: route.topic.clone(), message: envelope.into_message(), settle };
        match self.sender.try_send(outgoing) {
            Ok(()) => Ok(pending),
            Err(TrySendError::Full(_)) => {
                Err(OutboundError::QueueFull { capacity: self.sender.max_capacity() })
            }
            Err(TrySendError::Closed(_)) => Err(OutboundError::ShutDown),
        }
    }
}

impl Outbound for Queue {
    fn offer(&self, event: &dyn AnyEvent) -> Vec<PendingTopic> {
        let routes = self.routes.of(event.descriptor().event_type);
        if routes.is_empty() {
            return Vec::new();
        }
        let mut datum = Vec::new();
        let encoded = caught(|| event.append_datum(&mut datum));
        let datum = Bytes::from(datum);
        let pending = |route: &Route| {
            let queued = match &encoded {
                Ok(Ok(())) => caught(|| self.enqueue(route, event, &datum))
                    .unwrap_or_else(|message| Err(OutboundError::Panicked { message })),
                Ok(Err(fault)) => Err(OutboundError::Encode(fault.clone())),
                Err(message) => Err(OutboundError::Panicked { message: message.clone() }),
            };
            queued.unwrap_or_else(|error| {
                failed(event, route, &error);
                PendingTopic::settled(Arc::clone(&route.name), Err(SendError::Failed(error.into())))
            })
        };
        routes.iter().map(pending).collect()
    }
}

fn failed(event: &dyn AnyEvent, route: &Route, error: &OutboundError) {
    metrics::counter!("events_send_failed_total", "topic" => route.name.to_string()).increment(1);
    tracing::error!(
        event_type = event.descriptor().event_type,
        id = %event.metadata().id(),
        topic = %route.name,
        error = super::error::chain(error),
        "an event was not sent"
    );
}
