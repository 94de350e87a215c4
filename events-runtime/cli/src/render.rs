//! Renders messages as text or JSON.

use std::collections::HashMap;
use std::fmt;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::failure::{Failure, chain};
use super::output::{self, counted, one_line};
use super::schema::verified;
use events_bus::bus::{DeadLetter, Writers};
use events_bus::config::Config;
use events_bus::envelope::Envelope;
use events_core::avro::WriterSchema;
use events_core::avro::json::{PersonalData, to_json, to_json_as};
use events_core::internal::to_json_resolved;
use events_core::registry::Registry;
use events_schema::parse::PackedSchema;
use events_schema::view::View;
use events_transport::{Delivery, Message, Position, SchemaId, StoredMessage, Topic, Transport, dead_letter};

/// Maximum number of fetched schemas in memory. Another program may store any number.
const MAX_FETCHED: usize = 1000;

/// Renders messages with the linked definitions, the configured schemas, and those that are stored beside the
/// topic.
pub(super) struct Renderer {
    registry: &'static Registry,
    writers: Writers,
    fetched: HashMap<SchemaId, Fetched>,
    personal_data: PersonalData,
}

/// What is stored beside a topic for a schema.
enum Fetched {
    /// Of a linked definition.
    Writer(WriterSchema),
    /// Of an event type that is not linked.
    Foreign(PackedSchema),
    /// The reason why there is none.
    Missing(String),
}

impl Renderer {
    pub(super) fn new(config: &Config, personal_data: PersonalData) -> Result<Self, Failure> {
        let registry = Registry::linked()?;
        let writers = Writers::read(registry, config.bus().consumer.schemas.as_deref(), Vec::new())?;
        Ok(Self { registry, writers, fetched: HashMap::new(), personal_data })
    }

    /// Fetches the schema of a message from its topic, unless this program knows the schema. For a dead letter, that
    /// may be the topic of the original message.
    pub(super) async fn fetch_schema(&mut self, transport: &dyn Transport, topic: &Topic, message: &Message) {
        if !transport.capability().schemas {
            return;
        }
        let Ok(envelope) = Envelope::from_message(message) else { return };
        let Some(fingerprint) = envelope.fingerprint else { return };
        let id = SchemaId::new(envelope.metadata.event_type().as_str(), fingerprint);
        let origin = message.headers.get(dead_letter::TOPIC).and_then(|name| std::str::from_utf8(name).ok());
        let origin = origin.and_then(|name| Topic::new(name).ok());
        self.fetch(transport, std::iter::once(topic).chain(&origin), id).await;
    }

    /// Fetches the schemas that are stored beside a topic, for messages that are rendered without waiting.
    pub(super) async fn fetch_schemas(&mut self, transport: &dyn Transport, topic: &Topic) {
        if !transport.capability().schemas {
            return;
        }
        match transport.schemas(topic).await {
            Ok(schemas) => {
                for id in schemas.into_iter().take(MAX_FETCHED) {
                    self.fetch(transport, std::iter::once(topic), id).await;
                }
            }
            Err(error) => {
                let error = chain(&error);
                output::eprint(format_args!("warning: no stored schema is used: {error}"));
            }
        }
    }

    /// Fetches a schema from the first of the topics that has it.
    async fn fetch(&mut self, transport: &dyn Transport, topics: impl Iterator<Item = &Topic>, id: SchemaId) {
        let descriptor = self.registry.get(id.event_type());
        let is_known = descriptor.is_some_and(|descriptor| {
            descriptor.fingerprint() == id.fingerprint()
                || self.writers.find(descriptor.get(), id.fingerprint()).is_some()
        });
        if is_known || self.fetched.contains_key(&id) {
            return;
        }
        if self.fetched.len() >= MAX_FETCHED {
            self.fetched.clear();
        }
        let found = stored_text(transport, topics, &id).await.and_then(|text| {
            let packed = verified(&id, Some(&text), descriptor)?;
            match descriptor {
                Some(_) => WriterSchema::parse(&text).map(Fetched::Writer).map_err(|error| chain(&error)),
                None => Ok(Fetched::Foreign(packed)),
            }
        });
        self.fetched.insert(id, found.unwrap_or_else(Fetched::Missing));
    }

    pub(super) fn delivery(&self, delivery: &Delivery) -> Rendered {
        Rendered {
            attempt: Some(delivery.attempt()),
            ..self.message(delivery.message(), delivery.position())
        }
    }

    /// Renders a message that was read without being delivered, in any topic.
    pub(super) fn stored(&self, stored: StoredMessage) -> Rendered {
        let time = format_time(stored.time);
        let rendered = if DeadLetter::is_described(&stored.message) {
            self.dead_letter(&stored.into())
        } else {
            self.message(&stored.message, stored.position)
        };
        Rendered { stored: Some(time), ..rendered }
    }

    /// Renders the original message and the description of its failure.
    pub(super) fn dead_letter(&self, dead_letter: &DeadLetter) -> Rendered {
        let mut details: Map<_, _> = dead_letter
            .end()
            .filter(|(name, _)| *name != "cause")
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        details.insert("attempts".to_owned(), json!(dead_letter.attempts()));
        details.insert("causes".to_owned(), json!(dead_letter.causes().collect::<Vec<_>>()));
        details.insert("time".to_owned(), json!(format_time(dead_letter.time())));
        let lines = dead_letter.end().map(|(name, value)| (format!("dlq {name}"), value.into_owned()));
        Rendered {
            failure: Some(FailureDetails { object: details, lines: lines.collect() }),
            ..self.message(&dead_letter.original(), dead_letter.position())
        }
    }

    fn message(&self, message: &Message, position: Position) -> Rendered {
        let personal_data = self.personal_data;
        let key = message.key.as_deref().map(|key| render_key(key, personal_data));
        let (metadata, payload) = match Envelope::from_message(message) {
            Ok(envelope) => {
                let metadata = serde_json::to_value(&envelope.metadata).unwrap_or_default();
                (metadata, self.payload(&envelope))
            }
            Err(error) => (headers(message), Err(chain(&error))),
        };
        let payload = payload
            .map_err(|reason| Undecoded { reason, bytes: RawBytes::new(&message.data, personal_data) });
        Rendered {
            position: position.to_string(),
            attempt: None,
            stored: None,
            key,
            metadata,
            payload,
            failure: None,
        }
    }

    fn payload(&self, envelope: &Envelope) -> Result<Value, String> {
        let event_type = envelope.metadata.event_type();
        let data = &envelope.data[..];
        let fetched = envelope.fingerprint.map(|found| SchemaId::new(event_type.as_str(), found));
        let fetched = fetched.and_then(|id| self.fetched.get(&id));
        let Some(descriptor) = self.registry.get(event_type) else {
            return self.foreign_payload(event_type, fetched, data);
        };
        let own = descriptor.fingerprint();
        let schema = descriptor.schema();
        let payload = match envelope.fingerprint {
            Some(found) if found != own => {
                let writer = self.writers.find(descriptor.get(), found);
                let writer = match (writer, fetched) {
                    (Some(writer), _) => writer,
                    (None, Some(Fetched::Writer(writer))) => writer.clone(),
                    (None, fetched) => {
                        let reason = match fetched {
                            Some(Fetched::Missing(reason)) => format!(", and {reason}"),
                            _ => String::new(),
                        };
                        return Err(format!(
                            "unknown writer schema {found:016x}, this program uses {own:016x}{reason}: add the writer's schema file to the folder `bus.consumer.schemas`"
                        ));
                    }
                };
                to_json_resolved(schema, &writer, data, self.personal_data)
            }
            _ => to_json(schema, data, self.personal_data),
        };
        payload.map_err(|error| error.to_string())
    }

    /// The payload of an event type that is not linked. Which fields are personal data is only known from the
    /// stored text, which any program with access to the store may have written.
    fn foreign_payload(
        &self,
        event_type: &str,
        fetched: Option<&Fetched>,
        data: &[u8],
    ) -> Result<Value, String> {
        let unlinked = format!("event type `{event_type}` is not linked into this program");
        match (fetched, self.personal_data) {
            (Some(Fetched::Foreign(schema)), PersonalData::Shown) => {
                to_json_as(View::packed(&schema.bytes), data, PersonalData::Shown)
                    .map_err(|error| error.to_string())
            }
            (Some(Fetched::Foreign(_)), PersonalData::Masked) => {
                Err(format!("{unlinked}; its stored schema is used with `--show-pii`"))
            }
            _ => Err(unlinked),
        }
    }
}

/// The text that is stored for a schema beside the first of the topics that has it.
async fn stored_text(
    transport: &dyn Transport,
    topics: impl Iterator<Item = &Topic>,
    id: &SchemaId,
) -> Result<String, String> {
    for topic in topics {
        match transport.schema(topic, id).await {
            Ok(Some(text)) => return Ok(text),
            Ok(None) => {}
            Err(error) => return Err(chain(&error)),
        }
    }
    Err("no program has stored it beside the topic".to_owned())
}

/// A message, decoded as far as possible.
pub(super) struct Rendered {
    position: String,
    /// Of a delivery.
    attempt: Option<u32>,
    /// When the message was stored, if it was read without being delivered.
    stored: Option<String>,
    key: Option<String>,
    /// A JSON object: the event's metadata, or all headers if the message is not an event.
    metadata: Value,
    payload: Result<Value, Undecoded>,
    /// Of a dead letter.
    failure: Option<FailureDetails>,
}

/// The description of the failure that made a message a dead letter.
struct FailureDetails {
    object: Map<String, Value>,
    /// Names and values of the headers.
    lines: Vec<(String, String)>,
}

/// A payload that can't be decoded.
struct Undecoded {
    reason: String,
    bytes: RawBytes,
}

/// Undecoded bytes, which may contain personal data.
enum RawBytes {
    /// In base64.
    Shown(String),
    /// Only their number.
    Masked(usize),
}

impl RawBytes {
    fn new(bytes: &[u8], personal_data: PersonalData) -> Self {
        match personal_data {
            PersonalData::Shown => Self::Shown(STANDARD.encode(bytes)),
            PersonalData::Masked => Self::Masked(bytes.len()),
        }
    }
}

/// Renders a key. It is treated as personal data, since the receiver can't know which field it
/// comes from.
pub(super) fn render_key(key: &[u8], personal_data: PersonalData) -> String {
    match personal_data {
        PersonalData::Shown => String::from_utf8_lossy(key).into_owned(),
        PersonalData::Masked => format!("*** ({})", counted(key.len(), "byte")),
    }
}

impl Rendered {
    /// Renders the message as a JSON object.
    pub(super) fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("position".to_owned(), json!(self.position));
        if let Some(attempt) = self.attempt {
            object.insert("attempt".to_owned(), json!(attempt));
        }
        if let Some(stored) = &self.stored {
            object.insert("stored".to_owned(), json!(stored));
        }
        object.insert("key".to_owned(), json!(self.key));
        object.insert("metadata".to_owned(), self.metadata.clone());
        match &self.payload {
            Ok(payload) => {
                object.insert("data".to_owned(), payload.clone());
            }
            Err(Undecoded { reason, bytes }) => {
                object.insert("error".to_owned(), json!(reason));
                match bytes {
                    RawBytes::Shown(text) => object.insert("data_base64".to_owned(), json!(text)),
                    RawBytes::Masked(count) => object.insert("data_bytes".to_owned(), json!(count)),
                };
            }
        }
        if let Some(failure) = &self.failure {
            object.insert("dead_letter".to_owned(), Value::Object(failure.object.clone()));
        }
        Value::Object(object)
    }
}

pub(super) fn format_time(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "-".to_owned(), |time| time.to_string())
}

/// All headers of a message, for one that is not an event.
fn headers(message: &Message) -> Value {
    let headers =
        message.headers.iter().map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value)));
    headers.map(|(name, value)| (name, Value::from(value))).collect()
}

/// Renders a metadata value as text. A library version is `[10,5,0]` in JSON and `10.5.0` here.
fn metadata_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(numbers) => numbers.iter().map(metadata_text).collect::<Vec<_>>().join("."),
        other => other.to_string(),
    }
}

impl fmt::Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event_type = self.metadata.get("event_type").and_then(Value::as_str);
        writeln!(f, "{}", one_line(event_type.unwrap_or("(not an event)")))?;
        write!(f, "  {:12} {}", "position", self.position)?;
        if let Some(attempt) = self.attempt.filter(|attempt| *attempt > 1) {
            write!(f, " (attempt {attempt})")?;
        }
        if let Some(stored) = &self.stored {
            write!(f, "\n  {:12} {stored}", "stored")?;
        }
        if let Some(key) = &self.key {
            write!(f, "\n  {:12} {}", "key", one_line(key))?;
        }
        for (name, value) in self.metadata.as_object().into_iter().flatten() {
            if name != "event_type" {
                write!(f, "\n  {:12} {}", one_line(name).to_string(), one_line(metadata_text(value)))?;
            }
        }
        match &self.payload {
            Ok(payload) => {
                let text = format!("{payload:#}");
                text.lines().try_for_each(|line| write!(f, "\n  {line}"))?;
            }
            Err(Undecoded { reason, bytes }) => {
                write!(f, "\n  {:12} {}\n  {:12} ", "error", one_line(reason), "data")?;
                match bytes {
                    RawBytes::Shown(text) => write!(f, "{text} (base64)")?,
                    RawBytes::Masked(count) => write!(f, "*** ({})", counted(*count, "byte"))?,
                }
            }
        }
        for (name, value) in self.failure.iter().flat_map(|failure| &failure.lines) {
            write!(f, "\n  {:12} {}", one_line(name).to_string(), one_line(value))?;
        }
        Ok(())
    }
}
