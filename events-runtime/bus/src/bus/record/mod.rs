//! The record: an event or message that a program could not process, as one line of JSON.
//!
//! The spill file, the error log and an export of dead letters have this form. [`bus`](super#records) describes
//! the fields, the versions, and which command reads which file.

mod read;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use events_core::EventMetadata;
use events_transport::Message;

pub use read::{RecordError, event_of_line};

/// The version that is written.
const VERSION: u32 = 2;

/// Why there is a record of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FailureKind {
    /// The event was not sent.
    NotSent,
    /// A group rejected the message, which became a dead letter. The record has the original message.
    #[serde(alias = "given-up")]
    Rejected,
    /// The record has the dead letter itself, with the headers that describe the failure.
    DeadLetter,
}

/// A line.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    // The aliases are those of version 1, whose fields are a subset.
    #[serde(rename = "record", alias = "spill", alias = "log")]
    pub(super) version: u32,
    #[serde(default)]
    pub(super) logged: String,
    #[serde(default)]
    pub(super) failure: Option<FailureKind>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) error: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) transport: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) attempt: Option<u32>,
    pub(super) key: Option<Octets>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<EventMetadata>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) headers: Vec<(String, Octets)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) schemafp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) data_base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) data_bytes: Option<usize>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) masked: bool,
}

impl Record {
    /// A record without a message.
    pub(super) fn new(failure: FailureKind, topic: Option<String>) -> Self {
        Self { version: VERSION, failure: Some(failure), topic, ..Self::default() }
    }

    /// Adds the whole message, unchanged: a reader gets the same bytes.
    pub(super) fn with_message(mut self, message: &Message) -> Self {
        self.key = message.key.as_ref().map(Octets::of);
        let headers = message.headers.iter();
        self.headers = headers.map(|(name, value)| (name.to_owned(), Octets::of(value))).collect();
        self.data_base64 = Some(STANDARD.encode(&message.data));
        self
    }

    /// The record as JSON, without a line end.
    pub(super) fn line(&self) -> String {
        // Every field can be serialized.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Bytes, as text if they are UTF-8.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Octets {
    Text(String),
    Other { base64: String },
}

impl Octets {
    pub(super) fn of(bytes: &Bytes) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Other { base64: STANDARD.encode(bytes) },
        }
    }
}
