//! Errors of metadata in text or JSON.

use crate::event_type::EventTypeError;

/// Invalid metadata in text or JSON.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A required attribute is absent, or empty.
    #[error("metadata: `{field}` is missing")]
    Missing {
        /// The attribute's JSON key.
        field: &'static str,
    },
    /// The event type is invalid.
    #[error("metadata: `event_type` is invalid")]
    EventType(#[from] EventTypeError),
    /// The id is not a UUID.
    #[error("metadata: `id` is {found:?}, not a UUID such as 0190a6d2-5d2e-7c3a-8f59-1b1f0d8e8f11")]
    Id {
        /// The text, shortened.
        found: String,
        /// The parser's error.
        source: uuid::Error,
    },
    /// The time is not a time with an offset.
    #[error(
        "metadata: `time` is {found:?}, not a time with an offset such as 2023-01-02T03:04:05.678901+00:00"
    )]
    Time {
        /// The text, shortened.
        found: String,
        /// The parser's error.
        source: jiff::Error,
    },
    /// The minor version is not a number.
    #[error("metadata: `minorversion` is {found:?}, not a decimal number up to 4294967295")]
    MinorVersion {
        /// The text, shortened.
        found: String,
        /// The parser's error.
        source: std::num::ParseIntError,
    },
    /// The library's version does not consist of numbers.
    #[error("metadata: `sourcelib` is {found:?}, not numbers joined by dots such as 10.5.0")]
    SourceLib {
        /// The text, shortened.
        found: String,
    },
    /// The source is empty, or some transport can't carry it.
    #[error(
        "metadata: `source` is {found:?}; it must not be empty and not hold control characters or noncharacters"
    )]
    Source {
        /// The text, shortened.
        found: String,
    },
    /// An attribute has a character that a CloudEvents string can't have.
    #[error(
        "metadata: `{attribute}` holds U+{code:04X} at byte {at}; a CloudEvents string holds no control characters and no noncharacters"
    )]
    Character {
        /// The attribute's name, shortened.
        attribute: String,
        /// The character's code point.
        code: u32,
        /// The character's offset in bytes.
        at: usize,
    },
    /// Some transport can't carry the extension's name.
    #[error(
        "metadata: extension name {found:?} is not allowed; use lower-case letters a-z and digits, and none of the attributes' own names"
    )]
    ExtensionName {
        /// The name, shortened.
        found: String,
    },
}

/// A foreign text, shortened for an error.
pub(super) fn shortened(text: &str) -> String {
    const LEN: usize = 80;
    match text.char_indices().nth(LEN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
