//! A delivery as it is shown.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::failure::chain;
use super::output::one_line;
use crate::avro::json::{PersonalData, to_json};
use crate::bus::Writers;
use crate::envelope::Envelope;
use crate::registry::Registry;
use crate::transport::{Delivery, Message, Position};
use events_core::internal::rewritten;

/// A delivery, read as far as it can be.
pub(super) struct Shown {
    position: String,
    attempt: u32,
    key: Option<String>,
    /// What is known of the event; an object.
    metadata: Value,
    payload: Result<Value, Unread>,
}

/// A payload that can't be shown as what it is.
struct Unread {
    reason: String,
    bytes: Bytes,
}

/// Bytes that nobody can say the fields of: personal data may be among them.
enum Bytes {
    /// In base64.
    Shown(String),
    /// How many they are.
    Masked(usize),
}

impl Bytes {
    fn new(bytes: &[u8], personal_data: PersonalData) -> Self {
        match personal_data {
            PersonalData::Shown => Self::Shown(STANDARD.encode(bytes)),
            PersonalData::Masked => Self::Masked(bytes.len()),
        }
    }
}

/// The key as text. Which field it was made of is the sender's to say, so that it is taken for
/// personal data.
pub(super) fn key_text(key: &[u8], personal_data: PersonalData) -> String {
    match personal_data {
        PersonalData::Shown => String::from_utf8_lossy(key).into_owned(),
        PersonalData::Masked => format!("*** ({} bytes)", key.len()),
    }
}

impl Shown {
    pub(super) fn new(
        delivery: &Delivery,
        registry: &Registry,
        writers: &Writers,
        personal_data: PersonalData,
    ) -> Self {
        let (position, attempt) = (delivery.position(), delivery.attempt());
        Self::of(delivery.message(), position, attempt, registry, writers, personal_data)
    }

    /// A message that is in nobody's hands.
    pub(super) fn of(
        message: &Message,
        position: Position,
        attempt: u32,
        registry: &Registry,
        writers: &Writers,
        personal_data: PersonalData,
    ) -> Self {
        let key = message.key.as_deref().map(|key| key_text(key, personal_data));
        let (metadata, payload) = match Envelope::from_message(message) {
            Ok(envelope) => {
                let metadata = serde_json::to_value(&envelope.metadata).unwrap_or_default();
                (metadata, payload(&envelope, registry, writers, personal_data))
            }
            Err(error) => (headers(message), Err(chain(&error))),
        };
        let payload =
            payload.map_err(|reason| Unread { reason, bytes: Bytes::new(&message.data, personal_data) });
        Self { position: position.to_string(), attempt, key, metadata, payload }
    }

    /// One object, in one line when displayed.
    pub(super) fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("position".to_owned(), json!(self.position));
        object.insert("attempt".to_owned(), json!(self.attempt));
        object.insert("key".to_owned(), json!(self.key));
        object.insert("metadata".to_owned(), self.metadata.clone());
        match &self.payload {
            Ok(payload) => {
                object.insert("data".to_owned(), payload.clone());
            }
            Err(Unread { reason, bytes }) => {
                object.insert("error".to_owned(), json!(reason));
                match bytes {
                    Bytes::Shown(text) => object.insert("data_base64".to_owned(), json!(text)),
                    Bytes::Masked(count) => object.insert("data_bytes".to_owned(), json!(count)),
                };
            }
        }
        Value::Object(object)
    }
}

fn payload(
    envelope: &Envelope,
    registry: &Registry,
    writers: &Writers,
    personal_data: PersonalData,
) -> Result<Value, String> {
    let event_type = envelope.metadata.event_type();
    let descriptor = registry
        .get(event_type)
        .ok_or_else(|| format!("the event type `{event_type}` is not linked into this program"))?;
    let own = descriptor.fingerprint();
    let (schema, data) = (descriptor.schema(), &envelope.data[..]);
    let shown = match envelope.fingerprint {
        Some(found) if found != own => {
            let writer = writers.find(descriptor.get(), found).ok_or_else(|| {
                format!(
                    "written with schema {found:016x}, which is not known here; this program's is {own:016x}: put the file of the other into the folder of `bus.consumer.schemas`"
                )
            })?;
            rewritten(schema, &writer, data).and_then(|data| to_json(schema, &data, personal_data))
        }
        _ => to_json(schema, data, personal_data),
    };
    shown.map_err(|error| error.to_string())
}

/// The headers of a message that is no event.
fn headers(message: &Message) -> Value {
    let headers =
        message.headers.iter().map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value)));
    headers.map(|(name, value)| (name, Value::from(value))).collect()
}

/// A metadata value as text: `10.5.0` for a library's version, `[10,5,0]` in JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(numbers) => numbers.iter().map(plain).collect::<Vec<_>>().join("."),
        other => other.to_string(),
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |name: &str| self.metadata.get(name).and_then(Value::as_str);
        writeln!(f, "{}", one_line(text("event_type").unwrap_or("(no event)")))?;
        write!(f, "  {:12} {}", "position", self.position)?;
        if self.attempt > 1 {
            write!(f, " (attempt {})", self.attempt)?;
        }
        if let Some(key) = &self.key {
            write!(f, "\n  {:12} {}", "key", one_line(key))?;
        }
        for (name, value) in self.metadata.as_object().into_iter().flatten() {
            if name != "event_type" {
                write!(f, "\n  {:12} {}", one_line(name).to_string(), one_line(plain(value)))?;
            }
        }
        match &self.payload {
            Ok(payload) => {
                let text = format!("{payload:#}");
                text.lines().try_for_each(|line| write!(f, "\n  {line}"))
            }
            Err(Unread { reason, bytes }) => {
                write!(f, "\n  {:12} {}\n  {:12} ", "unreadable", one_line(reason), "data")?;
                match bytes {
                    Bytes::Shown(text) => write!(f, "{text} (base64)"),
                    Bytes::Masked(count) => write!(f, "*** ({count} bytes)"),
                }
            }
        }
    }
}
