//! Emits a topic's message in the hub: envelope, registry, schema, decode, emit, wait for receivers.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::EventBus;
use super::dedup::Dedup;
use super::observe::{Consuming, HandlerTimes, TRACE_IGNORED, UNKNOWN, UNRECEIVED};
use super::schemas::{Found, Patience, TopicSchemas};
use super::unhandled::Unhandled;
use super::verdict::{self, InboundError, ReceiverFailure, Verdict};
use super::writers::Writers;
use crate::config::UnknownEvents;
use crate::envelope::Envelope;
use events_core::avro::{DecodeError, WriterSchema};
use events_core::hub::Hub;
use events_core::internal::SignalDescriptor;
use events_core::{ReceiverError, Registry, Response};
use events_support::error_chain::{caught, links};
use events_transport::Message;

/// Turns messages into events of this process.
pub(super) struct Inbound {
    pub(super) hub: Hub,
    pub(super) registry: &'static Registry,
    writers: Writers,
    /// Unknown schemas are fetched from here; `None` if the transport stores none.
    pub(super) schemas: Option<(Arc<TopicSchemas>, Patience)>,
    pub(super) unknown_events: UnknownEvents,
    pub(super) consuming: Arc<Consuming>,
    handled: HandlerTimes,
    pub(super) dedup: Option<Dedup>,
    pub(super) unhandled: Arc<Unhandled>,
    /// Unknown event types already logged.
    logged_unknown: Mutex<HashSet<String>>,
    /// Event types without a receiver already logged.
    logged_unreceived: Mutex<HashSet<&'static str>>,
}

/// The maximum number of unknown event types to remember, so that hostile input can't exhaust memory.
const MAX_LOGGED_TYPES: usize = 1000;

impl Inbound {
    pub(super) fn new(bus: &EventBus, unknown_events: UnknownEvents, consuming: Arc<Consuming>) -> Self {
        Self {
            hub: bus.hub().clone(),
            registry: bus.registry(),
            writers: bus.0.writers.clone(),
            schemas: None,
            unknown_events,
            consuming,
            handled: HandlerTimes::default(),
            dedup: None,
            unhandled: Arc::default(),
            logged_unknown: Mutex::default(),
            logged_unreceived: Mutex::default(),
        }
    }

    /// Emits the event of a message and waits for all receivers, unless the event was handled before.
    pub(super) async fn process(&self, message: &Message) -> Verdict {
        match &self.dedup {
            Some(dedup) => dedup.run(message, self.emit(message)).await,
            None => self.emit(message).await,
        }
    }

    async fn emit(&self, message: &Message) -> Verdict {
        let envelope = match Envelope::read(message) {
            Ok((envelope, 0)) => envelope,
            Ok((envelope, ignored)) => {
                self.consuming.count(TRACE_IGNORED, ignored);
                envelope
            }
            Err(error) => return Verdict::Reject(error.into()),
        };
        let Some(descriptor) = self.registry.get(envelope.metadata.event_type()) else {
            return self.unknown(envelope.metadata.event_type());
        };
        let descriptor = descriptor.get();
        let expected = (descriptor.fingerprint)();
        let writer = match envelope.fingerprint {
            Some(found) if found != expected => match self.writer(descriptor, found, message).await {
                Ok(writer) => Some(writer),
                Err(verdict) => return verdict,
            },
            _ => None,
        };
        let (hub, metadata) = (&self.hub, envelope.metadata);
        let began = Instant::now();
        let emission =
            match caught(|| (descriptor.emit_datum)(hub, metadata, writer.as_ref(), &envelope.data)) {
                Ok(Ok(emission)) => emission,
                Ok(Err(error)) => return Verdict::Reject(unreadable(descriptor, writer.as_ref(), error)),
                Err(message) => return Verdict::Reject(InboundError::Panicked { message }),
            };
        let mut failed = failures(emission.responses());
        let mut receivers = emission.responses().len();
        match emission.delivered().await {
            Ok(delivered) => {
                receivers += delivered.receivers().len();
                failed.extend(failures(delivered.receivers()));
            }
            Err(error) => failed.extend(failures(error.receivers())),
        }
        self.handled.record(descriptor.event_type, &self.consuming.group, began.elapsed());
        if receivers == 0 && failed.is_empty() {
            self.unreceived(descriptor.event_type);
        }
        verdict::combine(failed)
    }

    /// The schema of another version: one that this program has, otherwise one that is stored beside the topic.
    async fn writer(
        &self,
        descriptor: &SignalDescriptor,
        found: u64,
        message: &Message,
    ) -> Result<WriterSchema, Verdict> {
        if let Some(writer) = self.writers.find(descriptor, found) {
            return Ok(writer);
        }
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

    /// Counts an event without a receiver. That may be intended, so it is logged once per type.
    fn unreceived(&self, event_type: &'static str) {
        self.consuming.count(UNRECEIVED, 1);
        self.unhandled.unreceived(event_type);
        if lock(&self.logged_unreceived).insert(event_type) {
            tracing::warn!(
                event_type,
                "received events of a type without a connected receiver; they are acknowledged: link the crate that has the receivers, or don't send this type to the topic"
            );
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
                self.unhandled.unknown(&event_type);
                Verdict::Skip
            }
            UnknownEvents::DeadLetter => Verdict::Reject(InboundError::UnknownEvent { event_type }),
            UnknownEvents::Stop => Verdict::Stop { event_type },
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
