//! A bus without a broker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;

use crate::avro::{self, DecodeError, EncodeError};
use crate::event::AnyEvent;
use crate::hub::delivery::{PendingTopic, PendingTopics};
use crate::hub::state::Outbound;
use crate::receiver::BoxError;
use crate::registry::signal_descriptor::SignalDescriptor;
use crate::signal::{AnyEmission, SendError};
use crate::{EventMetadata, Hub, PublicSignal};

/// A bus that records events: every event of the hub goes to one topic, encoded as on the wire. Dropping it
/// detaches it from the hub.
///
/// ```
/// use events_runtime::testing::{self, FakeBus};
///
/// testing::scope(|recorder| {
///     let bus = FakeBus::attach(recorder.hub());
///     // … emit …
///     assert!(bus.sent().is_empty());
/// });
/// ```
#[derive(Debug)]
pub struct FakeBus {
    hub: Hub,
    state: Arc<State>,
}

/// An event as a [`FakeBus`] recorded it.
#[derive(Debug, Clone)]
pub struct SentEvent {
    descriptor: &'static SignalDescriptor,
    metadata: EventMetadata,
    key: Option<Vec<u8>>,
    datum: Vec<u8>,
}

struct State {
    topic: Arc<str>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sent: Vec<SentEvent>,
    mode: Mode,
    held: Vec<(SentEvent, oneshot::Sender<Result<String, SendError>>)>,
}

#[derive(Default)]
enum Mode {
    #[default]
    Acknowledge,
    Hold,
    Fail(String),
}

impl FakeBus {
    /// Attaches a bus with the one topic `fake` to a hub.
    pub fn attach(hub: &Hub) -> Self {
        Self::with_topic(hub, "fake")
    }

    /// Attaches a bus with this one topic to a hub.
    pub fn with_topic(hub: &Hub, topic: &str) -> Self {
        let state = Arc::new(State { topic: topic.into(), inner: Mutex::default() });
        hub.attach(&(Arc::clone(&state) as Arc<dyn Outbound>));
        Self { hub: hub.clone(), state }
    }

    /// The acknowledged events, in order.
    pub fn sent(&self) -> Vec<SentEvent> {
        self.state.lock().sent.clone()
    }

    /// Makes the bus refuse events from now on, with this reason.
    pub fn fail(&self, reason: impl Into<String>) {
        self.state.lock().mode = Mode::Fail(reason.into());
    }

    /// Makes the bus hold events without acknowledging them from now on.
    pub fn hold(&self) {
        self.state.lock().mode = Mode::Hold;
    }

    /// Makes the bus acknowledge events again, including those that it holds.
    pub fn acknowledge(&self) {
        let mut inner = self.state.lock();
        inner.mode = Mode::Acknowledge;
        for (event, settle) in std::mem::take(&mut inner.held) {
            let position = inner.push(event);
            // Fails if no caller waits.
            let _ = settle.send(Ok(position));
        }
    }
}

impl Drop for FakeBus {
    fn drop(&mut self) {
        let outbound = Arc::clone(&self.state) as Arc<dyn Outbound>;
        self.hub.detach(&outbound);
        // Held events fail now, not when the last emission drops the bus.
        self.state.lock().held.clear();
    }
}

impl SentEvent {
    fn new(event: &dyn AnyEvent) -> Result<Self, EncodeError> {
        let mut datum = Vec::new();
        event.append_datum(&mut datum)?;
        let mut key = Vec::new();
        let has_key = event.append_key(&mut key);
        Ok(Self {
            descriptor: event.descriptor(),
            metadata: event.metadata().clone(),
            key: has_key.then_some(key),
            datum,
        })
    }

    /// The event type.
    pub fn event_type(&self) -> &'static str {
        self.descriptor.event_type
    }

    /// The event's metadata.
    pub fn metadata(&self) -> &EventMetadata {
        &self.metadata
    }

    /// The key in its text form, if the definition has one.
    pub fn key(&self) -> Option<&[u8]> {
        self.key.as_deref()
    }

    /// The payload's Avro datum.
    pub fn datum(&self) -> &[u8] {
        &self.datum
    }

    /// The payload.
    ///
    /// # Errors
    /// If the datum is not one of `E`.
    pub fn decode<E: PublicSignal>(&self) -> Result<E, DecodeError> {
        avro::from_slice(&self.datum)
    }

    /// Emits the event in a hub as a bus would: with its metadata and with
    /// [`Origin::Bus`](crate::Origin::Bus).
    ///
    /// # Errors
    /// If the datum can't be decoded. No receiver runs then.
    pub fn deliver_to(&self, hub: &Hub) -> Result<AnyEmission, DecodeError> {
        (self.descriptor.emit_datum)(hub, self.metadata.clone(), None, &self.datum)
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, event: SentEvent) -> String {
        self.sent.push(event);
        (self.sent.len() - 1).to_string()
    }
}

impl State {
    fn offered(&self, event: &dyn AnyEvent) -> PendingTopic {
        let topic = Arc::clone(&self.topic);
        let event = match SentEvent::new(event) {
            Ok(event) => event,
            Err(error) => return PendingTopic::settled(topic, Err(SendError::Failed(error.into()))),
        };
        let mut inner = self.lock();
        match &inner.mode {
            Mode::Acknowledge => PendingTopic::settled(topic, Ok(inner.push(event))),
            Mode::Hold => {
                let (settle, pending) = PendingTopic::waiting(topic);
                inner.held.push((event, settle));
                pending
            }
            Mode::Fail(reason) => {
                let reason = BoxError::from(reason.as_str());
                PendingTopic::settled(topic, Err(SendError::Failed(reason)))
            }
        }
    }
}

impl Outbound for State {
    fn offer(&self, event: &dyn AnyEvent, pending: &mut PendingTopics) {
        pending.push(self.offered(event));
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sent = self.lock().sent.len();
        f.debug_struct("State").field("topic", &self.topic).field("sent", &sent).finish_non_exhaustive()
    }
}
