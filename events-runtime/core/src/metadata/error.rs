//! What can be wrong with metadata in text or JSON.

use crate::event_type::EventTypeError;

/// Text that is no metadata.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A required attribute is absent, or empty.
    #[error("metadata: `{field}` is missing")]
    Missing {
        /// The attribute's JSON key.
        field: &'static str,
    },
    /// The event type can't be read.
    #[error("metadata: `event_type` can't be read")]
    EventType(#[from] EventTypeError),
    /// The id is no UUID.
    #[error("metadata: `id` is {found:?}, not a UUID such as 0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11")]
    Id {
        /// The text, shortened.
        found: String,
        /// What the parser says.
        source: uuid::Error,
    },
    /// The time is no instant.
    #[error(
        "metadata: `time` is {found:?}, not a time with an offset such as 2023-01-02T03:04:05.678901+00:00"
    )]
    Time {
        /// The text, shortened.
        found: String,
        /// What the parser says.
        source: jiff::Error,
    },
    /// The minor version is no number.
    #[error("metadata: `minorversion` is {found:?}, not a decimal number up to 4294967295")]
    MinorVersion {
        /// The text, shortened.
        found: String,
        /// What the parser says.
        source: std::num::ParseIntError,
    },
    /// The library's version is more than numbers.
    #[error("metadata: `sourcelib` is {found:?}, not numbers joined by dots such as 10.5.0")]
    SourceLib {
        /// The text, shortened.
        found: String,
    },
    /// The source can't be written on every transport.
    #[error(
        "metadata: `source` is {found:?}; it must not be empty and not hold control characters or noncharacters"
    )]
    Source {
        /// The text, shortened.
        found: String,
    },
    /// An attribute holds what a CloudEvents string can't.
    #[error(
        "metadata: `{attribute}` holds U+{code:04X} at byte {at}; a CloudEvents string holds no control characters and no noncharacters"
    )]
    Character {
        /// The attribute's name, shortened.
        attribute: String,
        /// The character's code point.
        code: u32,
        /// Where it is, in bytes.
        at: usize,
    },
    /// An extension's name can't be written on every transport.
    #[error(
        "metadata: extension name {found:?} is not allowed; use lower-case letters a-z and digits, and none of the attributes' own names"
    )]
    ExtensionName {
        /// The name, shortened.
        found: String,
    },
}

/// As much of a foreign text as a message should show.
pub(super) fn shown(text: &str) -> String {
    const LEN: usize = 80;
    match text.char_indices().nth(LEN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
