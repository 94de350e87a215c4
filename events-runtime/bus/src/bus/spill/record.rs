//! An event that was not sent or became a dead letter, as a line of JSON from which it can be sent again.
//!
//! ```json
//! {"log":1,"logged":"2026-02-28T13:05:00Z","failure":"not-sent","error":"…","topic":"dev-orders",
//!  "key":"c1","metadata":{"event_type":"…","id":"…","minorversion":0,"source":"shop","time":"…"},
//!  "schemafp":"00abcdef01234567","data":{"number":7}}
//! ```
//!
//! The topic is its full name; `transport` names its transport unless that is the one of `[bus]`. Metadata has the JSON form of Open edX logs. Data that this program's schema
//! can't read, such as that of another version, is `data_base64`. A message that is not an event has
//! `headers` instead of `metadata`. The log event, unlike the file, shows the values of unknown headers and
//! extensions as `***`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::line::Octets;
use events_core::EventMetadata;

/// The version of the format that is written.
pub(in crate::bus) const VERSION: u32 = 1;

/// A line of [`VERSION`] 1. Unknown fields are an error, because they would be lost.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(in crate::bus) log: u32,
    #[serde(default)]
    pub(in crate::bus) logged: String,
    #[serde(default)]
    pub(in crate::bus) failure: String,
    #[serde(default)]
    pub(in crate::bus) error: String,
    pub(in crate::bus) topic: String,
    /// Missing for the transport of `[bus]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::bus) transport: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::bus) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::bus) position: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::bus) attempt: Option<u32>,
    pub(in crate::bus) key: Option<Octets>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::bus) metadata: Option<EventMetadata>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::bus) headers: Vec<(String, Octets)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::bus) schemafp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::bus) data: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::bus) data_base64: Option<String>,
    /// The length of masked data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::bus) data_bytes: Option<usize>,
    /// Whether any part is masked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::bus) masked: bool,
}

impl Record {
    pub(in crate::bus) fn line(&self) -> String {
        // Every field can be serialized.
        serde_json::to_string(self).unwrap_or_default()
    }
}
