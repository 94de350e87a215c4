//! Takes the frames off received messages, and finds schemas for the bus.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use events_core::avro::WriterSchema;
use events_schema_registry::{RegisteredSchema, RegistryError, RegistryErrorKind, SchemaKey};
use events_support::error_chain::chain;
use events_transport::headers::{FINGERPRINT_HEADER, UNREADABLE_HEADER};
use events_transport::{ErrorKind, Message, SchemaId, StoredMessage, Topic, TransportError};

use super::known::{KeyForm, KeyFrame, Writer};
use super::{ID_HEADER, Registry, event_type, fingerprint};
use crate::framing::{self, Framed, KEY_FRAME_HEADER, VALUE_FRAME_HEADER};

/// The most versions of a subject that are searched for a fingerprint, the latest first.
const MAX_VERSIONS: usize = 200;
const READ: &str = "read a schema of";

/// The fingerprint of a registered text.
pub(super) fn fingerprint_of(text: &str) -> Result<u64, String> {
    WriterSchema::parse(text).map(|schema| schema.fingerprint()).map_err(|error| chain(&error))
}

impl Registry {
    /// A received message without frames: the key as text, the value as datum, and the fingerprint of its schema as a
    /// header. A message that is not readable gets the reason as a header, and keeps its bytes.
    pub(crate) fn unframe(&self, mut message: Message) -> Message {
        // Only this function sets it.
        message.headers.retain(|name, _| name != UNREADABLE_HEADER);
        if event_type(&message).is_none() {
            return message;
        }
        let before = message.key.clone();
        self.unframe_key(&mut message);
        if let Err(reason) = self.unframe_value(&mut message) {
            message.key = before;
            message.headers.push(UNREADABLE_HEADER, reason);
        }
        message
    }

    fn unframe_value(&self, message: &mut Message) -> Result<(), String> {
        // An empty header counts as missing, as for the bus.
        message.headers.retain(|name, value| name != FINGERPRINT_HEADER || !value.is_empty());
        let has_fingerprint = message.headers.get(FINGERPRINT_HEADER).is_some();
        let marked = message.headers.get(ID_HEADER).cloned();
        let in_header = message.headers.get(VALUE_FRAME_HEADER).map(framing::split);
        let framed = match (&marked, in_header) {
            (None, Some(Framed::By(key, _))) => Framed::By(key, message.data.clone()),
            (None, Some(_)) => {
                return Err(format!("the header `{VALUE_FRAME_HEADER}` is no frame of a schema registry"));
            }
            // Sent before the registry was configured, or an event type that is sent without a frame.
            (None, None) if has_fingerprint => return Ok(()),
            _ => framing::split(&message.data),
        };
        let (key, datum) = match framed {
            Framed::By(key, datum) => (key, datum),
            Framed::Truncated => {
                return Err(format!(
                    "the value ends within the frame of a schema registry, after {} bytes",
                    message.data.len()
                ));
            }
            Framed::Bare => {
                let first =
                    message.data.first().map_or("no bytes".to_owned(), |byte| format!("first byte {byte}"));
                return Err(format!(
                    "the value has no frame of a schema registry ({first}), and no header `{FINGERPRINT_HEADER}` \
                     names its schema: another program has sent it without the registry"
                ));
            }
        };
        if let Some(marked) = marked {
            let id = std::str::from_utf8(&marked).ok().and_then(|text| text.parse().ok()).map(SchemaKey::Id);
            if id != Some(key) {
                return Err(format!("the header `{ID_HEADER}` is not the id in the value's frame"));
            }
        }
        if !has_fingerprint {
            let fingerprint = self.writer(key)?;
            message.headers.push(FINGERPRINT_HEADER, format!("{fingerprint:016x}"));
        }
        message.data = datum;
        message.headers.retain(|name, _| name != ID_HEADER && name != VALUE_FRAME_HEADER);
        Ok(())
    }

    /// The fingerprint of a schema, or one that stands in for it.
    fn writer(&self, key: SchemaKey) -> Result<u64, String> {
        let mut known = self.known();
        match known.writer(key) {
            Some(Writer::Fingerprint(fingerprint)) => return Ok(*fingerprint),
            Some(Writer::Unreadable(reason)) => return Err(reason.clone()),
            None => {}
        }
        known.stand_in(key).ok_or_else(|| "too many schemas of the registry are named by a GUID".to_owned())
    }

    fn unframe_key(&self, message: &mut Message) {
        let in_header = message.headers.get(KEY_FRAME_HEADER).map(framing::split);
        message.headers.retain(|name, _| name != KEY_FRAME_HEADER);
        let Some(key) = &message.key else { return };
        let (schema, datum) = match (in_header, framing::split(key)) {
            (Some(Framed::By(schema, _)), _) => (schema, key.clone()),
            (None, Framed::By(schema, datum)) => (schema, datum),
            _ => return,
        };
        if let Some(text) = self.key_text(schema, &datum, event_type(message).unwrap_or_default()) {
            message.key = Some(text);
        }
    }

    /// The text of a key's datum. While its schema is not known, the form of the datum has to do: the order of a key
    /// must not wait for the registry.
    fn key_text(&self, schema: SchemaKey, datum: &Bytes, event_type: &str) -> Option<Bytes> {
        let known = self.known().key_form(schema);
        let form = known.or_else(|| {
            let registered = self.client.cached_schema(schema)?;
            let form = framing::key_type(&registered.text).map_or(KeyForm::Framed, KeyForm::Text);
            self.known().set_key_form(schema, form);
            Some(form)
        });
        let key_type = match form {
            Some(KeyForm::Text(key_type)) => key_type,
            Some(KeyForm::Framed) => return None,
            None => {
                if let SchemaKey::Id(id) = schema {
                    self.client.prefetch(id);
                }
                let (key_type, text) = framing::guessed_key(datum)?;
                if let SchemaKey::Id(id) = schema {
                    let frame = KeyFrame { id, key_type };
                    self.known().guess_key(event_type, frame, text.is_empty());
                }
                return Some(text);
            }
        };
        if let SchemaKey::Id(id) = schema {
            let frame = KeyFrame { id, key_type };
            let mut known = self.known();
            if known.key("", event_type) != Some(frame) {
                known.set_key("", event_type, frame);
            }
        }
        framing::key_of_datum(key_type, datum)
    }

    /// A message as it is delivered: what was learned of its schema since it was received is in its headers.
    pub(crate) fn refreshed(&self, mut message: Message) -> Message {
        let stands_for = fingerprint(&message).and_then(|fingerprint| self.known().stands_for(fingerprint));
        let Some(key) = stands_for else { return message };
        let (name, value) = match self.known().writer(key) {
            None => return message,
            Some(Writer::Fingerprint(fingerprint)) => (FINGERPRINT_HEADER, format!("{fingerprint:016x}")),
            Some(Writer::Unreadable(reason)) => (UNREADABLE_HEADER, reason.clone()),
        };
        message.headers.retain(|name, _| name != FINGERPRINT_HEADER);
        if name == UNREADABLE_HEADER {
            message.data = framing::framed(key, &message.data);
        }
        message.headers.push(name, value);
        message
    }

    /// Takes the frames off stored messages, after it has found their schemas; for reading without a group. What the
    /// registry does not find is left to [`unframe`](Self::unframe).
    pub(crate) async fn unframe_stored(
        &self,
        topic: &Topic,
        mut stored: Vec<StoredMessage>,
    ) -> Vec<StoredMessage> {
        let mut failed = BTreeSet::new();
        for StoredMessage { message, .. } in &mut stored {
            let framed = message.clone();
            *message = self.unframe(framed.clone());
            let stand_in = fingerprint(message).filter(|it| SchemaId::stands_for(*it).is_some());
            let Some(stand_in) = stand_in.filter(|stand_in| !failed.contains(stand_in)) else { continue };
            if let Err(error) = self.schema(topic, &SchemaId::new("", stand_in)).await {
                tracing::debug!(%topic, error = chain(&error), "the schema of a message is not found");
                failed.insert(stand_in);
            }
            *message = self.unframe(framed);
        }
        stored
    }

    /// The text of a schema: of an id that its fingerprint stands in for, of an id that was met before, or of a version
    /// of the event type's subject.
    pub(crate) async fn schema(
        &self,
        topic: &Topic,
        schema: &SchemaId,
    ) -> Result<Option<String>, TransportError> {
        let fingerprint = schema.fingerprint();
        let (stands_for, met) = {
            let known = self.known();
            (known.stands_for(fingerprint), known.by_fingerprint(fingerprint))
        };
        if let Some(key) = stands_for {
            return self.read(topic, key).await;
        }
        if let Some(key) = met
            && let Some(text) = self.read(topic, key).await?
        {
            return Ok(Some(text));
        }
        let found = self.search(topic, schema).await.map_err(|error| self.failed(READ, topic, error))?;
        Ok(found)
    }

    /// Reads a schema by its id, and learns its fingerprint.
    async fn read(&self, topic: &Topic, key: SchemaKey) -> Result<Option<String>, TransportError> {
        use RegistryErrorKind as Kind;
        let read = match key {
            SchemaKey::Id(id) => self.client.schema(id).await,
            SchemaKey::Guid(guid) => self.client.schema_by_guid(guid).await,
            _ => return Ok(None),
        };
        let schema: Arc<RegisteredSchema> = match read {
            Ok(schema) => schema,
            Err(error) if error.kind() == Kind::NotFound => {
                tracing::debug!(%topic, error = chain(&error), "the registry does not have the schema of a message");
                return Ok(None);
            }
            Err(error) if error.kind() == Kind::Refused => {
                self.known().learn(key, Writer::Unreadable(error.to_string()));
                return Ok(None);
            }
            Err(error) if matches!((key, error.kind()), (SchemaKey::Guid(_), Kind::NoApi)) => {
                let reason = format!(
                    "the schema registry does not serve schemas by GUID: let the sender frame its values with ids \
                     (magic byte 0); {error}"
                );
                self.known().learn(key, Writer::Unreadable(reason));
                return Ok(None);
            }
            Err(error) => return Err(self.failed(READ, topic, error)),
        };
        let text = match self.client.full_text(&schema).await {
            Ok(text) => text,
            Err(error) if error.kind() == Kind::Unavailable => return Err(self.failed(READ, topic, error)),
            Err(error) => {
                self.known().learn(key, Writer::Unreadable(chain(&error)));
                return Ok(None);
            }
        };
        match fingerprint_of(&text) {
            Ok(fingerprint) => self.known().learn(key, Writer::Fingerprint(fingerprint)),
            Err(reason) => {
                let reason = format!("the registry's schema of the value is not readable: {reason}");
                self.known().learn(key, Writer::Unreadable(reason));
                return Ok(None);
            }
        }
        if text.len() > SchemaId::TEXT_MAX {
            let message = format!("the registry's schema has {} bytes, which is too much", text.len());
            return Err(TransportError::new(ErrorKind::TooLarge, READ, topic, message));
        }
        Ok(Some(text.to_string()))
    }

    /// Looks for a fingerprint in the versions of the subjects that an event type can have.
    async fn search(&self, topic: &Topic, schema: &SchemaId) -> Result<Option<String>, RegistryError> {
        for subject in self.candidates(topic, schema.event_type()).await? {
            if let Some(id) = self.find_equal(&subject, schema.fingerprint()).await? {
                let found = self.client.schema(id).await?;
                return Ok(Some(self.client.full_text(&found).await?.to_string()));
            }
        }
        Ok(None)
    }

    /// The subjects with schemas of an event type. The name of the record is part of a subject by default, and not
    /// known here; its namespace is the event type.
    pub(super) async fn candidates(
        &self,
        topic: &Topic,
        event_type: &str,
    ) -> Result<Vec<String>, RegistryError> {
        let name = self.topic_name(topic);
        let subject = |record: &str| {
            let of = super::SubjectOf { topic: &name, event_type, record, is_key: false };
            self.settings.subjects.subject(of)
        };
        // Equal if the strategy does not use the record's name.
        let (one, other) = (subject("\u{1}"), subject("\u{2}"));
        if one == other {
            return Ok(vec![one]);
        }
        let begins = subject(&format!("{event_type}."));
        let subjects = self.client.subjects().await?;
        Ok(subjects.into_iter().filter(|subject| subject.starts_with(&begins)).collect())
    }

    /// The id of a version with this fingerprint, the latest first.
    pub(super) async fn find_equal(
        &self,
        subject: &str,
        fingerprint: u64,
    ) -> Result<Option<u32>, RegistryError> {
        let versions = match self.client.versions(subject).await {
            Ok(versions) => versions,
            Err(error) if error.kind() == RegistryErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        for version in versions.into_iter().rev().take(MAX_VERSIONS) {
            let version = self.client.version(subject, version).await?;
            let text = self.client.full_text(&version.schema).await?;
            if let Ok(found) = fingerprint_of(&text) {
                self.known().learn(SchemaKey::Id(version.id), Writer::Fingerprint(found));
                if found == fingerprint {
                    return Ok(Some(version.id));
                }
            }
        }
        Ok(None)
    }

    /// The schemas of a topic, sorted: those of subjects whose names begin as the strategy lets this topic's begin.
    pub(crate) async fn schemas(&self, topic: &Topic) -> Result<Vec<SchemaId>, TransportError> {
        self.list(topic).await.map_err(|error| self.failed("list the schemas of", topic, error))
    }

    async fn list(&self, topic: &Topic) -> Result<Vec<SchemaId>, RegistryError> {
        let name = self.topic_name(topic);
        let mut schemas = Vec::new();
        for subject in self.client.subjects().await? {
            if !self.may_be_of(&name, &subject) {
                continue;
            }
            for version in self.client.versions(&subject).await?.into_iter().rev().take(MAX_VERSIONS) {
                let version = self.client.version(&subject, version).await?;
                let text = self.client.full_text(&version.schema).await?;
                let Some(record) = super::subjects::record_name(&text) else { continue };
                let Some((event_type, _)) = record.rsplit_once('.') else { continue };
                let of = super::SubjectOf { topic: &name, event_type, record: &record, is_key: false };
                if self.settings.subjects.subject(of) != subject {
                    continue;
                }
                if let Ok(fingerprint) = fingerprint_of(&text) {
                    self.known().learn(SchemaKey::Id(version.id), Writer::Fingerprint(fingerprint));
                    schemas.push(SchemaId::new(event_type, fingerprint));
                }
            }
        }
        schemas.sort();
        schemas.dedup();
        schemas.truncate(SchemaId::LISTED_MAX);
        Ok(schemas)
    }

    /// Whether a subject can be one of a topic's; decided without reading it, because a registry may have many.
    fn may_be_of(&self, topic_name: &str, subject: &str) -> bool {
        use super::subjects::Subjects;
        match self.settings.subjects {
            Subjects::TopicRecord | Subjects::Topic => {
                subject.strip_prefix(topic_name).is_some_and(|rest| rest.starts_with('-'))
            }
            Subjects::Record | Subjects::Function(_) => true,
        }
    }
}
