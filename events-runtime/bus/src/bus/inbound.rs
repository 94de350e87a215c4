//! Emits a topic's message in the hub: envelope, registry, schema, decode, emit, wait for receivers.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::EventBus;
use super::dedup::Dedup;
use super::observe::{Consuming, HandlerTimes, TRACE_IGNORED, UNKNOWN, UNRECEIVED};
use super::retry::Backoff;
use super::schemas::{Found, Patience, TopicSchemas};
use super::settings::TopicSettings;
use super::status::Running;
use super::unhandled::Unhandled;
use super::verdict::{self, InboundError, ReceiverFailure, Stop, Verdict};
use super::writers::Writers;
use crate::config::{UnhandledEvents, UnknownEvents};
use crate::envelope::Envelope;
use events_core::avro::{DecodeError, WriterSchema};
use events_core::hub::Hub;
use events_core::internal::SignalDescriptor;
use events_core::registry::Descriptor;
use events_core::{ReceiverError, Registry, Response};
use events_support::error_chain::{caught, links};
use events_transport::{BoxFuture, Message};

/// Turns messages into events of this process.
pub(super) struct Inbound {
    pub(super) hub: Hub,
    pub(super) registry: &'static Registry,
    writers: Writers,
    /// Unknown schemas are fetched from here; `None` if the transport stores none.
    pub(super) schemas: Option<(Arc<TopicSchemas>, Patience)>,
    unknown_events: UnknownEvents,
    unhandled_events: UnhandledEvents,
    pub(super) consuming: Arc<Consuming>,
    running: Arc<Running>,
    backoff: Backoff,
    handled: HandlerTimes,
    pub(super) dedup: Option<Dedup>,
    pub(super) counts: Arc<Unhandled>,
    /// Unknown event types already logged.
    logged_unknown: Mutex<HashSet<String>>,
    /// Event types without a receiver already logged.
    logged_unreceived: Mutex<HashSet<&'static str>>,
}

/// An event that was emitted, or that can't be yet. Most have a known schema and sync receivers: their verdict is known
/// at once. What others wait for is boxed, because the future of each event is moved several times.
enum Begun<'m> {
    Ended(Verdict),
    Waits(BoxFuture<'m, Verdict>),
}

/// The maximum number of unknown event types to remember, so that hostile input can't exhaust memory.
const MAX_LOGGED_TYPES: usize = 1000;

impl Inbound {
    pub(super) fn new(
        bus: &EventBus,
        unknown_events: UnknownEvents,
        settings: &TopicSettings,
        consuming: Arc<Consuming>,
        running: Arc<Running>,
    ) -> Self {
        Self {
            hub: bus.hub().clone(),
            registry: bus.registry(),
            writers: bus.0.writers.clone(),
            schemas: None,
            unknown_events,
            unhandled_events: settings.unhandled,
            consuming,
            running,
            backoff: settings.backoff,
            handled: HandlerTimes::default(),
            dedup: None,
            counts: Arc::default(),
            logged_unknown: Mutex::default(),
            logged_unreceived: Mutex::default(),
        }
    }

    /// Emits the event of a message and waits for all receivers, unless the event was handled before.
    pub(super) async fn process(&self, message: &Message) -> Verdict {
        match &self.dedup {
            // What is rare is boxed: the future of each event is moved several times.
            Some(dedup) => Box::pin(dedup.run(message, self.emit(message))).await,
            None => self.emit(message).await,
        }
    }

    async fn emit(&self, message: &Message) -> Verdict {
        let rest = match self.begin(message) {
            Begun::Ended(verdict) => return verdict,
            Begun::Waits(rest) => rest,
        };
        rest.await
    }

    /// Emits the event of a message.
    fn begin<'m>(&'m self, message: &'m Message) -> Begun<'m> {
        let mut definition = None;
        let defined = |event_type: &str| {
            definition = self.registry.get(event_type);
            definition.map(|definition| definition.event_type())
        };
        let envelope = match Envelope::read(message, defined) {
            Ok((envelope, 0)) => envelope,
            Ok((envelope, ignored)) => {
                self.consuming.count(TRACE_IGNORED, ignored);
                envelope
            }
            Err(error) => return Begun::Ended(Verdict::Reject(error.into())),
        };
        let Some(definition) = definition else {
            return Begun::Ended(self.unknown(envelope.metadata.event_type()));
        };
        let descriptor = definition.get();
        let writer = match envelope.fingerprint {
            Some(found) if found != (descriptor.fingerprint)() => {
                match self.writers.find(descriptor, found) {
                    Some(writer) => Some(writer),
                    None => {
                        return Begun::Waits(Box::pin(async move {
                            match self.fetched_writer(descriptor, found, message).await {
                                Ok(writer) => match self.deliver(definition, envelope, Some(&writer)) {
                                    Begun::Ended(verdict) => verdict,
                                    Begun::Waits(rest) => rest.await,
                                },
                                Err(verdict) => verdict,
                            }
                        }));
                    }
                }
            }
            _ => None,
        };
        self.deliver(definition, envelope, writer.as_ref())
    }

    /// Emits an event whose writer's schema is known.
    fn deliver(
        &self,
        definition: Descriptor,
        envelope: Envelope,
        writer: Option<&WriterSchema>,
    ) -> Begun<'_> {
        let descriptor = definition.get();
        let (hub, metadata) = (&self.hub, envelope.metadata);
        let began = Instant::now();
        let emission = match caught(|| (descriptor.emit_datum)(hub, metadata, writer, &envelope.data)) {
            Ok(Ok(emission)) => emission,
            Ok(Err(error)) => {
                return Begun::Ended(Verdict::Reject(unreadable(descriptor, writer, error)));
            }
            Err(message) => return Begun::Ended(Verdict::Reject(InboundError::Panicked { message })),
        };
        if emission.is_suppressed() {
            return Begun::Ended(self.paused(descriptor.event_type));
        }
        self.resumed(descriptor.event_type);
        let mut failed = failures(emission.responses());
        let is_handled = emission.is_recorded() || !emission.responses().is_empty();
        if !emission.is_pending() {
            return Begun::Ended(self.handled(definition, began, is_handled, failed));
        }
        Begun::Waits(Box::pin(async move {
            let is_handled = match emission.delivered().await {
                Ok(delivered) => {
                    failed.extend(failures(delivered.receivers()));
                    is_handled || !delivered.receivers().is_empty()
                }
                Err(error) => {
                    failed.extend(failures(error.receivers()));
                    true
                }
            };
            self.handled(definition, began, is_handled, failed)
        }))
    }

    /// The verdict once all receivers have finished.
    fn handled(
        &self,
        definition: Descriptor,
        began: Instant,
        is_handled: bool,
        failed: Vec<ReceiverFailure>,
    ) -> Verdict {
        self.handled.record(definition.event_type(), &self.consuming.group, began.elapsed());
        if is_handled { verdict::combine(failed) } else { self.unreceived(definition) }
    }

    /// The schema of another version: one that this program has, otherwise one that is stored beside the topic.
    async fn fetched_writer(
        &self,
        descriptor: &SignalDescriptor,
        found: u64,
        message: &Message,
    ) -> Result<WriterSchema, Verdict> {
        let unknown = |lookup| {
            let expected = (descriptor.fingerprint)();
            InboundError::UnknownSchema { expected, found, lookup }
        };
        let Some((schemas, patience)) = &self.schemas else {
            return Err(Verdict::Reject(unknown(String::new())));
        };
        Err(match schemas.find(descriptor, found, message, *patience, &self.consuming).await {
            Found::Schema(writer) => return Ok(writer),
            Found::Waits(pause, reason) => Verdict::Wait(unknown(format!("; {reason}")), pause),
            Found::Missing(reason) => {
                let wait = patience.wait;
                Verdict::Reject(unknown(format!(
                    "; {reason}, and it was not found within {wait:?} of the first such event"
                )))
            }
            Found::Failed(pause, error) => {
                Verdict::Wait(InboundError::SchemaUnavailable { found, error }, pause)
            }
        })
    }

    /// An event whose signal is disabled. It comes again after as long as its type has been paused so far, but
    /// not sooner than the first pause of the backoff, and not later than the longest.
    fn paused(&self, event_type: &'static str) -> Verdict {
        let (since, was_paused) = self.running.pause(event_type);
        if !was_paused {
            let Consuming { topic, group, .. } = &*self.consuming;
            tracing::warn!(%topic, %group, event_type, "events of a type are paused, since its signal is disabled; they stay in the topic until it is enabled");
        }
        let after = since.max(self.backoff.initial()).min(self.backoff.max());
        Verdict::Pause { event_type, after }
    }

    fn resumed(&self, event_type: &'static str) {
        if self.running.unpause(event_type) {
            let Consuming { topic, group, .. } = &*self.consuming;
            tracing::info!(%topic, %group, event_type, "events of a type are handled again, since its signal is enabled");
        }
    }

    /// An event of a linked type that no receiver took.
    fn unreceived(&self, definition: Descriptor) -> Verdict {
        let event_type = definition.event_type();
        self.consuming.count(UNRECEIVED, 1);
        self.running.unhandled();
        match self.unhandled_events {
            UnhandledEvents::Skip => {
                self.counts.unreceived(event_type);
                if lock(&self.logged_unreceived).insert(event_type) {
                    tracing::warn!(
                        event_type,
                        "skipped an event that no receiver takes: link the crate that has its receivers, or don't send this type to the topic"
                    );
                }
                Verdict::Skip
            }
            UnhandledEvents::DeadLetter => {
                let event_type = event_type.to_owned();
                Verdict::Reject(InboundError::Unhandled { event_type })
            }
            UnhandledEvents::Error => Verdict::Stop(Stop::Unhandled(definition)),
        }
    }

    fn unknown(&self, event_type: &str) -> Verdict {
        let event_type = event_type.to_owned();
        self.consuming.count(UNKNOWN, 1);
        let mut logged_unknown = lock(&self.logged_unknown);
        let is_new = logged_unknown.len() < MAX_LOGGED_TYPES && logged_unknown.insert(event_type.clone());
        drop(logged_unknown);
        if is_new {
            tracing::warn!(
                event_type,
                "received events of a type that is not linked into this program: link the crate that defines it, or ignore this if another program handles them"
            );
        }
        match self.unknown_events {
            UnknownEvents::Skip => {
                self.counts.unknown(&event_type);
                Verdict::Skip
            }
            UnknownEvents::DeadLetter => Verdict::Reject(InboundError::UnknownEvent { event_type }),
            UnknownEvents::Stop => Verdict::Stop(Stop::Unknown { event_type }),
        }
    }
}

/// The error of data that can't be decoded. If no data of its schema can be, the error says which field differs.
fn unreadable(
    descriptor: &SignalDescriptor,
    writer: Option<&WriterSchema>,
    error: DecodeError,
) -> InboundError {
    let mismatch =
        writer.and_then(|writer| Some((writer.fingerprint(), writer.mismatch(descriptor.schema)?)));
    match mismatch {
        Some((found, mismatch)) => {
            let expected = (descriptor.fingerprint)();
            InboundError::IncompatibleSchema { expected, found, mismatch }
        }
        None => error.into(),
    }
}

/// A poisoned lock is safe to use: no critical section leaves the data inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failures(responses: &[Response]) -> Vec<ReceiverFailure> {
    let failure = |response: &Response| {
        let error: &ReceiverError = response.result().err()?;
        Some(ReceiverFailure {
            receiver: response.receiver().to_owned(),
            errors: links(error),
            disposition: error.disposition(),
        })
    };
    responses.iter().filter_map(failure).collect()
}
