//! An event as one line of a spill file.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bus::undelivered::Undelivered;

/// The version of the format that is written.
pub(super) const VERSION: u32 = 1;

/// A line of [`VERSION`] 1. Unknown fields are an error, because they would be lost.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) spill: u32,
    pub(super) topic: String,
    /// Missing for the transport of `[bus]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) transport: Option<String>,
    pub(super) key: Option<Octets>,
    pub(super) headers: Vec<(String, Octets)>,
    pub(super) data_base64: String,
}

/// Bytes, as text if they are UTF-8.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(in crate::bus) enum Octets {
    Text(String),
    Other { base64: String },
}

impl Octets {
    pub(in crate::bus) fn of(bytes: &Bytes) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Other { base64: STANDARD.encode(bytes) },
        }
    }

    /// The bytes.
    ///
    /// # Errors
    /// The base64 text is invalid; it is not quoted.
    pub(in crate::bus) fn into_bytes(self) -> Result<Bytes, String> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Other { base64 } => super::read::base64(&base64),
        }
    }
}

/// Appends an event as a line.
pub(super) fn encode(event: &Undelivered, out: &mut Vec<u8>) -> io::Result<()> {
    let message = &event.message;
    let line = Line {
        spill: VERSION,
        topic: event.topic.to_string(),
        transport: event.transport.named().map(str::to_owned),
        key: message.key.as_ref().map(Octets::of),
        headers: message.headers.iter().map(|(name, value)| (name.to_owned(), Octets::of(value))).collect(),
        data_base64: STANDARD.encode(&message.data),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.push(b'\n');
    Ok(())
}
