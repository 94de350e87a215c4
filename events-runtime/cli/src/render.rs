//! Renders messages as text or JSON.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::failure::chain;
use super::output::{counted, one_line};
use events_bus::bus::Writers;
use events_bus::envelope::Envelope;
use events_core::avro::json::{PersonalData, to_json};
use events_core::internal::to_json_resolved;
use events_core::registry::Registry;
use events_transport::{Delivery, Message, Position};

/// A message, decoded as far as possible.
pub(super) struct Rendered {
    position: String,
    attempt: u32,
    key: Option<String>,
    /// A JSON object: the event's metadata, or all headers if the message is not an event.
    metadata: Value,
    payload: Result<Value, Undecoded>,
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
    pub(super) fn from_delivery(
        delivery: &Delivery,
        registry: &Registry,
        writers: &Writers,
        personal_data: PersonalData,
    ) -> Self {
        let (position, attempt) = (delivery.position(), delivery.attempt());
        Self::from_message(delivery.message(), position, attempt, registry, writers, personal_data)
    }

    pub(super) fn from_message(
        message: &Message,
        position: Position,
        attempt: u32,
        registry: &Registry,
        writers: &Writers,
        personal_data: PersonalData,
    ) -> Self {
        let key = message.key.as_deref().map(|key| render_key(key, personal_data));
        let (metadata, payload) = match Envelope::from_message(message) {
            Ok(envelope) => {
                let metadata = serde_json::to_value(&envelope.metadata).unwrap_or_default();
                (metadata, payload(&envelope, registry, writers, personal_data))
            }
            Err(error) => (headers(message), Err(chain(&error))),
        };
        let payload = payload
            .map_err(|reason| Undecoded { reason, bytes: RawBytes::new(&message.data, personal_data) });
        Self { position: position.to_string(), attempt, key, metadata, payload }
    }

    /// Renders the message as a JSON object.
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
            Err(Undecoded { reason, bytes }) => {
                object.insert("error".to_owned(), json!(reason));
                match bytes {
                    RawBytes::Shown(text) => object.insert("data_base64".to_owned(), json!(text)),
                    RawBytes::Masked(count) => object.insert("data_bytes".to_owned(), json!(count)),
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
        .ok_or_else(|| format!("event type `{event_type}` is not linked into this program"))?;
    let own = descriptor.fingerprint();
    let (schema, data) = (descriptor.schema(), &envelope.data[..]);
    let payload = match envelope.fingerprint {
        Some(found) if found != own => {
            let writer = writers.find(descriptor.get(), found).ok_or_else(|| {
                format!(
                    "unknown writer schema {found:016x}, this program uses {own:016x}: add the writer's schema file to the folder `bus.consumer.schemas`"
                )
            })?;
            to_json_resolved(schema, &writer, data, personal_data)
        }
        _ => to_json(schema, data, personal_data),
    };
    payload.map_err(|error| error.to_string())
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
        if self.attempt > 1 {
            write!(f, " (attempt {})", self.attempt)?;
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
                text.lines().try_for_each(|line| write!(f, "\n  {line}"))
            }
            Err(Undecoded { reason, bytes }) => {
                write!(f, "\n  {:12} {}\n  {:12} ", "error", one_line(reason), "data")?;
                match bytes {
                    RawBytes::Shown(text) => write!(f, "{text} (base64)"),
                    RawBytes::Masked(count) => write!(f, "*** ({})", counted(*count, "byte")),
                }
            }
        }
    }
}
