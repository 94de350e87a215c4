//! Stores schemas in the registry, and frames messages with their ids.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use events_schema_registry::{RegistryError, RegistryErrorKind, SchemaKey};
use events_transport::headers::{FINGERPRINT_HEADER, UNREADABLE_HEADER};
use events_transport::{ErrorKind, KeySchema, Message, SchemaId, Topic, TransportError};

use super::known::{KeyForm, KeyFrame};
use super::subjects::{SubjectOf, record_name};
use super::{ID_HEADER, Registry, event_type, fingerprint};
use crate::framing::{self, Framed};
use crate::retry_topics;

const STORE: &str = "store a schema of";
const SEND: &str = "send to";

impl Registry {
    /// Obtains the id of the keys' schema, unless it is known.
    pub(crate) async fn store_key_schema(
        &self,
        topic: &Topic,
        schema: &SchemaId,
        key: &KeySchema,
    ) -> Result<(), TransportError> {
        let (name, event_type) = (self.topic_name(topic), schema.event_type());
        let key_type = key.key_type();
        let record = key_type.as_str();
        let of = SubjectOf { topic: &name, event_type, record, is_key: true };
        let (subject, text) = (self.settings.subjects.subject(of), framing::key_text(key));
        let id = match self.obtain(&subject, &text).await {
            Err(error) if error.kind() == RegistryErrorKind::NotFound => {
                // A registry that compares texts has the schema of a program that writes it in another way.
                self.equal_key(&subject, key).await.ok_or(error)
            }
            id => id,
        };
        let id = id.map_err(|error| self.failed(STORE, topic, error))?;
        self.known().set_key(topic.as_str(), event_type, KeyFrame { id, key_type });
        Ok(())
    }

    async fn equal_key(&self, subject: &str, key: &KeySchema) -> Option<u32> {
        let latest = self.client.latest(subject).await.ok()?;
        (framing::key_type(&latest.schema.text) == Some(key.key_type())).then_some(latest.id)
    }

    /// Obtains the id of a schema, unless it is known.
    pub(crate) async fn store_schema(
        &self,
        topic: &Topic,
        schema: &SchemaId,
        text: &str,
    ) -> Result<(), TransportError> {
        schema.check_text(topic, text)?;
        let name = self.topic_name(topic);
        if self.known().value(topic.as_str(), schema.event_type(), schema.fingerprint()).is_some() {
            return Ok(());
        }
        let subject = self.value_subject(&name, schema.event_type(), text, topic)?;
        let id = match self.latest_equal(&subject, schema.fingerprint()).await {
            Ok(Some(id)) => id,
            Ok(None) => {
                let id = self.obtain(&subject, text).await;
                let id = match id {
                    Err(error) if error.kind() == RegistryErrorKind::NotFound => {
                        self.find_equal(&subject, schema.fingerprint()).await.and_then(|id| id.ok_or(error))
                    }
                    id => id,
                };
                id.map_err(|error| self.failed(STORE, topic, error))?
            }
            Err(error) => return Err(self.failed(STORE, topic, error)),
        };
        self.reached.store(true, Ordering::Relaxed);
        self.known().set_value(topic.as_str(), schema, id);
        tracing::debug!(%topic, %schema, subject, id, "the schema registry has the schema");
        Ok(())
    }

    pub(super) fn value_subject(
        &self,
        topic_name: &str,
        event_type: &str,
        text: &str,
        topic: &Topic,
    ) -> Result<String, TransportError> {
        let Some(record) = record_name(text) else {
            let message = format!("the schema of `{event_type}` is not a record, so it has no subject");
            return Err(TransportError::new(ErrorKind::Refused, STORE, topic, message));
        };
        let of = SubjectOf { topic: topic_name, event_type, record: &record, is_key: false };
        Ok(self.settings.subjects.subject(of))
    }

    async fn obtain(&self, subject: &str, text: &str) -> Result<u32, RegistryError> {
        let id = if self.settings.registers {
            self.client.register(subject, text).await
        } else {
            self.client.lookup(subject, text).await
        };
        // A program that goes on with known ids may open its producer while the registry is down.
        self.reached.fetch_or(id.is_ok(), Ordering::Relaxed);
        id
    }

    /// The id of the latest version if it has this fingerprint. Registries may compare texts, and the program that
    /// registered it may write the same schema in another way.
    async fn latest_equal(&self, subject: &str, fingerprint: u64) -> Result<Option<u32>, RegistryError> {
        let latest = match self.client.latest(subject).await {
            Ok(latest) => latest,
            Err(error) if error.kind() == RegistryErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let text = self.client.full_text(&latest.schema).await?;
        let is_equal = super::inbound::fingerprint_of(&text).is_ok_and(|found| found == fingerprint);
        Ok(is_equal.then_some(latest.id))
    }

    /// The message as it is stored: key and value with frames.
    pub(crate) fn frame(&self, topic: &Topic, message: &Message) -> Result<Message, TransportError> {
        let mut framed = message.clone();
        if message.headers.get(UNREADABLE_HEADER).is_some() {
            // A dead letter that is sent again: its bytes are those that another program stored.
            framed.headers.retain(|name, _| name != UNREADABLE_HEADER);
            return Ok(framed);
        }
        let Some(event_type) = event_type(message) else { return Ok(framed) };
        if self.sends_bare(event_type) {
            return Ok(framed);
        }
        // What leaves its topic is stored whatever is missing: it has to be read again as well as can be.
        let is_moved = topic.holds_dead_letters() || retry_topics::delay_in(topic.as_str()).is_some();
        let Some(fingerprint) = fingerprint(message) else {
            if is_moved {
                return Ok(framed);
            }
            let message = format!(
                "the message of type `{event_type}` has no fingerprint, so its schema in the registry is not known: \
                 send it by a program that links its definition"
            );
            return Err(TransportError::new(ErrorKind::Refused, SEND, topic, message));
        };
        if let Some(key) = &message.key {
            framed.key = match self.framed_key(topic, event_type, key) {
                Err(_) if is_moved => Some(key.clone()),
                key => Some(key?),
            };
        }
        let stands_for = self.known().stands_for(fingerprint);
        if let Some(schema) = stands_for {
            framed.headers.retain(|name, _| name != FINGERPRINT_HEADER);
            framed.data = framing::framed(schema, &message.data);
            return Ok(framed);
        }
        let id = {
            let known = self.known();
            // An id is that of a schema in all subjects.
            known.value(topic.as_str(), event_type, fingerprint).or_else(|| {
                match known.by_fingerprint(fingerprint) {
                    Some(SchemaKey::Id(id)) => Some(id),
                    _ => None,
                }
            })
        };
        match id {
            Some(id) => {
                framed.data = framing::frame(id, &message.data);
                framed.headers.push(ID_HEADER, id.to_string());
            }
            // Its schema is found by the fingerprint.
            None if is_moved => {}
            None => return Err(not_stored(topic, &SchemaId::new(event_type, fingerprint))),
        }
        Ok(framed)
    }

    /// Whether a consumer leaves a key of this schema in its frame.
    fn leaves_framed(&self, schema: SchemaKey, event_type: &str) -> bool {
        let known = self.known();
        match known.key_form(schema) {
            Some(form) => form == KeyForm::Framed,
            None => known.guessed_key(event_type).is_some_and(|frame| SchemaKey::Id(frame.id) == schema),
        }
    }

    fn framed_key(&self, topic: &Topic, event_type: &str, key: &Bytes) -> Result<Bytes, TransportError> {
        if let Framed::By(schema, _) = framing::split(key)
            && self.leaves_framed(schema, event_type)
        {
            // A key without a form as text, which a consumer has left in its frame.
            return Ok(key.clone());
        }
        let (known, guessed) = {
            let known = self.known();
            (known.key(topic.as_str(), event_type), known.guessed_key(event_type))
        };
        let Some(KeyFrame { id, key_type }) = known else {
            // A received message goes back with the bytes that it had.
            let datum = guessed.and_then(|frame| {
                Some(framing::frame(frame.id, &framing::guessed_datum(frame.key_type, key)?))
            });
            return Ok(datum.unwrap_or_else(|| key.clone()));
        };
        // Its text may have been guessed before its schema was known.
        let as_guessed = || {
            let guess = guessed.filter(|guess| guess.id == id)?;
            framing::guessed_datum(guess.key_type, key)
        };
        let datum = framing::key_datum(key_type, key).or_else(as_guessed).ok_or_else(|| {
            let message = format!(
                "the key of an event of type `{event_type}` is no {}, which is the type of its field",
                key_type.as_str()
            );
            TransportError::new(ErrorKind::Refused, SEND, topic, message)
        })?;
        Ok(framing::frame(id, &datum))
    }
}

fn not_stored(topic: &Topic, schema: &SchemaId) -> TransportError {
    let message = format!(
        "the id of schema {schema} in the registry is not known: store the schema with `store_schema` before its \
         messages"
    );
    TransportError::new(ErrorKind::Unavailable, SEND, topic, message)
}
