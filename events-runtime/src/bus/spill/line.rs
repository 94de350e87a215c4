//! One event as a line of a spill file.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bus::undelivered::Undelivered;

/// The form of the lines that are written.
pub(super) const VERSION: u32 = 1;

/// A line of [`VERSION`] 1. A field that it does not know would be lost, and so it takes none.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) spill: u32,
    pub(super) topic: String,
    pub(super) key: Option<Octets>,
    pub(super) headers: Vec<(String, Octets)>,
    pub(super) data_base64: String,
}

/// Bytes, readable where they are text.
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
    /// What should be Base64 is not; the text is not quoted.
    #[cfg(feature = "cli")]
    pub(in crate::bus) fn into_bytes(self) -> Result<Bytes, String> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Other { base64 } => super::read::base64(&base64),
        }
    }
}

/// Writes an event with the line's end.
pub(super) fn encode(event: &Undelivered, out: &mut Vec<u8>) -> io::Result<()> {
    let message = &event.message;
    let line = Line {
        spill: VERSION,
        topic: event.topic.to_string(),
        key: message.key.as_ref().map(Octets::of),
        headers: message.headers.iter().map(|(name, value)| (name.to_owned(), Octets::of(value))).collect(),
        data_base64: STANDARD.encode(&message.data),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.push(b'\n');
    Ok(())
}
