//! Fetches the schemas of messages that this program does not know from their topic.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::known::Known;
use super::missing::{Missing, MissingSchema, Now};
use super::verify::verified;
use crate::bus::destination::Destination;
use crate::bus::guarded::Guarded;
use crate::bus::observe::{Consuming, RECEIVE_RETRIED, SCHEMAS_FETCHED, STORE_REFUSES};
use crate::bus::retry::Backoff;
use events_core::avro::WriterSchema;
use events_core::internal::SignalDescriptor;
use events_support::error_chain::{caught, chain};
use events_transport::{
    ErrorKind, Message, SchemaId, Topic, Transport, TransportError, dead_letter as headers,
};

/// The topics of a bus whose schemas are fetched.
#[derive(Default)]
pub(in crate::bus) struct FetchedSchemas(Mutex<BTreeMap<Destination, Arc<TopicSchemas>>>);

impl FetchedSchemas {
    /// The schemas of a topic, shared by all consumers of the bus; `None` if its transport has none.
    pub(in crate::bus) fn of(
        &self,
        to: &Destination,
        transport: &Arc<dyn Transport>,
    ) -> Option<Arc<TopicSchemas>> {
        if !transport.capability().schemas {
            return None;
        }
        let new = || {
            let (topic, transport) = (to.topic.clone(), Arc::clone(transport));
            Arc::new(TopicSchemas { topic, transport, state: Mutex::default() })
        };
        Some(Arc::clone(lock(&self.0).entry(to.clone()).or_insert_with(new)))
    }

    /// The schemas that the consumers of a topic wait for.
    pub(in crate::bus) fn missing(&self, to: &Destination) -> Vec<MissingSchema> {
        let topic = lock(&self.0).get(to).cloned();
        topic.map(|topic| lock(&topic.state).missing.list()).unwrap_or_default()
    }
}

/// Identifies a schema of a topic.
pub(super) type Key = (&'static str, u64);

/// The fetched schemas of one topic, and those that are not there yet.
pub(in crate::bus) struct TopicSchemas {
    topic: Topic,
    transport: Arc<dyn Transport>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Known,
    missing: Missing,
}

/// What a consumer finds for a fingerprint.
pub(in crate::bus) enum Found {
    Schema(WriterSchema),
    /// The message is postponed.
    Waits(Duration, String),
    /// The time to wait has passed.
    Missing(String),
    /// The transport failed; the message is postponed.
    Failed(Duration, TransportError),
}

/// How long a consumer waits for a schema, and how often it looks for it.
#[derive(Debug, Clone, Copy)]
pub(in crate::bus) struct Patience {
    pub(in crate::bus) wait: Duration,
    pub(in crate::bus) backoff: Backoff,
}

impl TopicSchemas {
    /// The schema of a message, fetched at its first use. Messages of one schema share a call to the transport.
    pub(in crate::bus) async fn find(
        &self,
        descriptor: &SignalDescriptor,
        fingerprint: u64,
        message: &Message,
        patience: Patience,
        consuming: &Consuming,
    ) -> Found {
        let key = (descriptor.event_type, fingerprint);
        let call = match self.look(key, patience) {
            Ok(found) => return found,
            Err(call) => call,
        };
        // Whoever gets the lock later finds the result of the first call.
        let _calling = call.lock().await;
        if let Ok(found) = self.look(key, patience) {
            return found;
        }
        let id = SchemaId::new(descriptor.event_type, fingerprint);
        let fetched = self.fetch(&id, message).await;
        let Self { topic, state, .. } = self;
        let transport = consuming.transport.named();
        match fetched {
            Ok(Some(text)) => match verified(&text, fingerprint, descriptor) {
                Ok(schema) => {
                    let mut state = lock(state);
                    state.missing.remove(key);
                    state.known.insert(key, schema.clone(), text.len());
                    drop(state);
                    consuming.count(SCHEMAS_FETCHED, 1);
                    tracing::info!(%topic, transport, schema = %id, "fetched the schema of another version");
                    Found::Schema(schema)
                }
                Err(reason) => {
                    let reason = format!(
                        "the text that is stored beside the topic for it is not this schema ({reason})"
                    );
                    let (found, is_new) = lock(state).missing.failed(key, patience, reason, Now::read());
                    if is_new {
                        let error = found.reason();
                        tracing::error!(%topic, transport, schema = %id, error, "a stored schema is not used: another program may have overwritten it");
                    }
                    found
                }
            },
            Ok(None) => {
                let reason = "no program has stored it beside the topic".to_owned();
                let (found, is_new) = lock(state).missing.failed(key, patience, reason, Now::read());
                if is_new && !patience.wait.is_zero() {
                    let wait = patience.wait;
                    tracing::warn!(%topic, transport, schema = %id, ?wait, "received an event of an unknown schema, which is not stored beside the topic: events of this schema wait for it");
                }
                found
            }
            Err(error) => {
                let (pause, is_new) = lock(state).missing.unavailable(key, patience, Now::read());
                consuming.count(RECEIVE_RETRIED, 1);
                if error.kind().needs_operator() {
                    consuming.count(STORE_REFUSES, 1);
                }
                if is_new {
                    let error = chain(&error);
                    tracing::warn!(%topic, transport, schema = %id, error, ?pause, "fetching a schema failed; its events wait");
                }
                Found::Failed(pause, error)
            }
        }
    }

    /// What is known of a schema without a call to the transport, otherwise the lock for the call.
    fn look(&self, key: Key, patience: Patience) -> Result<Found, Arc<tokio::sync::Mutex<()>>> {
        let mut state = lock(&self.state);
        if let Some(schema) = state.known.get(key) {
            return Ok(Found::Schema(schema));
        }
        state.missing.look(key, patience, Now::read())
    }

    /// Fetches a text from the message's topic. For a dead letter, that is the topic of the original message.
    async fn fetch(&self, id: &SchemaId, message: &Message) -> Result<Option<String>, TransportError> {
        let text = self.fetch_from(&self.topic, id).await?;
        match origin(message).filter(|origin| *origin != self.topic) {
            Some(origin) if text.is_none() => self.fetch_from(&origin, id).await,
            _ => Ok(text),
        }
    }

    async fn fetch_from(&self, topic: &Topic, id: &SchemaId) -> Result<Option<String>, TransportError> {
        let panicked = |panic: String| {
            let message = format!("the transport panicked: {panic}");
            TransportError::new(ErrorKind::Other, "read a schema of", topic, message)
        };
        let fetched = caught(|| self.transport.schema(topic, id)).map_err(panicked)?;
        Guarded::new(fetched).await.map_err(panicked)?
    }
}

/// The topic of a dead letter's original message.
fn origin(message: &Message) -> Option<Topic> {
    Topic::new(std::str::from_utf8(message.headers.get(headers::TOPIC)?).ok()?).ok()
}

/// A poisoned lock is safe to use: no critical section leaves the data inconsistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
