//! Reads records of all versions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::error::Category;

use super::{FailureKind, Octets, Record, VERSION};
use crate::bus::dead_letters::original;
use crate::bus::undelivered::Undelivered;
use crate::envelope::Envelope;
use events_core::avro::json::from_json;
use events_core::registry::Registry;
use events_schema::parse::without_bom;
use events_transport::{Message, Topic, TransportName, dead_letter};

/// A line of a spill file, an error log or an export of dead letters can't be used.
///
/// The text never quotes the line, which may hold personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The line is cut off, changed, or not a record.
    #[error("{reason}")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// A newer program wrote the line.
    #[error(
        "the record has version {found}, and this program reads versions up to {VERSION}: \
         use a version of this program that is as new as the one that wrote the record"
    )]
    Version {
        /// The version of the record.
        found: u32,
    },
    /// Personal data is masked, so that the event is incomplete.
    #[error("personal data is masked: use the line from the file of `bus.error_log`")]
    Masked,
    /// The record is complete but has nothing to send.
    #[error("no data: the payload could not be encoded")]
    NoData,
    /// The record is not of a dead letter.
    #[error(
        "the record is not a dead letter of `dlq export --raw`: send its event with `produce --event` or `--from-log`"
    )]
    NotDeadLetter,
}

impl From<String> for RecordError {
    fn from(reason: String) -> Self {
        Self::Damaged { reason }
    }
}

impl From<&str> for RecordError {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

impl From<serde_json::Error> for RecordError {
    /// Only the kind and the column of the error, since its text may quote the line.
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            Category::Eof => "cut off".into(),
            _ => format!("not a record from column {} on", error.column()).into(),
        }
    }
}

/// An export of dead letters without a version.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnversionedExport {
    #[serde(rename = "position")]
    _position: String,
    // Not optional, unlike an `Option` without this attribute.
    #[serde(deserialize_with = "Deserialize::deserialize")]
    key: Option<String>,
    headers: Vec<(String, Octets)>,
    data: String,
}

impl From<UnversionedExport> for Record {
    fn from(export: UnversionedExport) -> Self {
        Self {
            key: export.key.map(|base64| Octets::Other { base64 }),
            headers: export.headers,
            data_base64: Some(export.data),
            ..Self::new(FailureKind::DeadLetter, None)
        }
    }
}

impl Record {
    /// Reads a line of any version, without its line end.
    pub(in crate::bus) fn parse(line: &[u8]) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Version {
            record: Option<u32>,
            spill: Option<u32>,
            log: Option<u32>,
        }

        match serde_json::from_slice(line)? {
            Version { record: Some(VERSION), .. }
            | Version { record: None, spill: Some(1), .. }
            | Version { record: None, spill: None, log: Some(1) } => Ok(serde_json::from_slice(line)?),
            Version { record: Some(found), .. }
            | Version { spill: Some(found), .. }
            | Version { log: Some(found), .. } => Err(RecordError::Version { found }),
            Version { record: None, spill: None, log: None } => {
                let export = serde_json::from_slice::<UnversionedExport>(line);
                export.map(Self::from).map_err(|_| {
                    "not a line of a spill file, an error log or `dlq export --raw`: `record` is missing"
                        .into()
                })
            }
        }
    }

    /// The event to send, with its topic. For a dead letter, this is the original message.
    pub(in crate::bus) fn into_event(mut self, registry: &Registry) -> Result<Undelivered, RecordError> {
        let (topic, transport) = (self.topic.take(), self.transport.take());
        let is_dead_letter = self.failure == Some(FailureKind::DeadLetter);
        let mut message = self.into_message(registry)?;
        let header = message.headers.get(dead_letter::TOPIC).filter(|_| is_dead_letter);
        let topic = topic.or_else(|| header.map(|name| String::from_utf8_lossy(name).into_owned()));
        let topic = topic.ok_or("`topic` is missing")?;
        if is_dead_letter {
            message = original(&message);
        }
        let topic = Topic::new(topic).map_err(|error| error.to_string())?;
        let transport = transport.map(|name| TransportName::new(name).map_err(|error| error.to_string()));
        Ok(Undelivered { topic, transport: transport.transpose()?.unwrap_or_default(), message })
    }

    /// The dead letter to store.
    pub(in crate::bus) fn into_dead_letter(self) -> Result<Message, RecordError> {
        if self.failure != Some(FailureKind::DeadLetter) {
            return Err(RecordError::NotDeadLetter);
        }
        match (self.data_base64, self.data, self.metadata) {
            (Some(data), None, None) => message(Message::new(base64(&data)?), self.key, self.headers),
            _ => Err("a dead letter has `data_base64`, and neither `data` nor `metadata`".into()),
        }
    }

    fn into_message(self, registry: &Registry) -> Result<Message, RecordError> {
        if self.masked {
            return Err(RecordError::Masked);
        }
        let sent = match (self.metadata, self.data, self.data_base64) {
            (Some(_), None, None) => return Err(RecordError::NoData),
            (None, _, None) => return Err("`data_base64` is missing, or `metadata` with `data`".into()),
            (_, Some(_), Some(_)) => return Err("both `data` and `data_base64` are set".into()),
            (None, None, Some(data)) => Message::new(base64(&data)?),
            (Some(metadata), None, Some(data)) => {
                let fingerprint = self.schemafp.as_deref().map(fingerprint).transpose()?;
                Envelope::new(metadata, fingerprint, base64(&data)?).into_message()
            }
            (Some(mut metadata), Some(data), None) => {
                let event_type = metadata.event_type().to_string();
                let descriptor = registry.get(&event_type).ok_or_else(|| {
                    format!("the event type `{event_type}` is not linked into this program")
                })?;
                let own = descriptor.fingerprint();
                let written = self.schemafp.as_deref().map(fingerprint).transpose()?;
                // The definition has changed since: the event is sent with the new version.
                if written.is_some_and(|written| written != own) {
                    metadata = metadata.with_minor_version(descriptor.minor_version());
                }
                let datum = from_json(descriptor.schema(), &data).map_err(|error| {
                    let at = error.mismatches().iter().map(|mismatch| format!("`{}`", mismatch.path()));
                    let at = at.collect::<Vec<_>>().join(", ");
                    format!("the data does not match `{}` at {at}", descriptor.rust_type())
                })?;
                Envelope::new(metadata, written.map(|_| own), datum).into_message()
            }
        };
        message(sent, self.key, self.headers)
    }
}

/// Adds a key and headers to a message.
fn message(
    mut message: Message,
    key: Option<Octets>,
    headers: Vec<(String, Octets)>,
) -> Result<Message, RecordError> {
    message.key = key.map(Octets::into_bytes).transpose()?;
    for (name, value) in headers {
        message.headers.push(name, value.into_bytes()?);
    }
    Ok(message)
}

impl Octets {
    fn into_bytes(self) -> Result<Bytes, RecordError> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Other { base64: text } => base64(&text),
        }
    }
}

fn base64(text: &str) -> Result<Bytes, RecordError> {
    STANDARD.decode(text).map(Bytes::from).map_err(|_| "a value is not Base64".into())
}

fn fingerprint(text: &str) -> Result<u64, RecordError> {
    u64::from_str_radix(text, 16).map_err(|_| "`schemafp` is not a fingerprint".into())
}

/// The event of one line.
///
/// # Errors
/// A [`RecordError`] if the line has no event that can be sent.
pub fn event_of_line(line: &str, registry: &Registry) -> Result<Undelivered, RecordError> {
    Record::parse(without_bom(line).trim().as_bytes())?.into_event(registry)
}
