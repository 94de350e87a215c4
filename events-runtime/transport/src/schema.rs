//! Writers' schemas that are stored beside a topic.

use std::fmt;
use std::sync::Arc;

use super::{ErrorKind, Topic, TransportError};

/// Identifies a writer's schema within a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaId {
    event_type: Arc<str>,
    fingerprint: u64,
}

impl SchemaId {
    /// The maximum length of a schema's text in bytes. A longer text is not stored, and not returned if another
    /// program has stored it.
    pub const TEXT_MAX: usize = 1 << 20;
    /// The maximum number of schemas that [`Transport::schemas`](super::Transport::schemas) lists.
    pub const LISTED_MAX: usize = 10_000;

    /// The schema of an event type with this fingerprint, the CRC-64-AVRO of its Parsing Canonical Form.
    pub fn new(event_type: impl Into<Arc<str>>, fingerprint: u64) -> Self {
        Self { event_type: event_type.into(), fingerprint }
    }

    /// The event type.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The fingerprint.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Checks that a schema's text can be stored; for transports.
    ///
    /// # Errors
    /// A [`TransportError`] of kind [`TooLarge`](ErrorKind::TooLarge) if the text is longer than
    /// [`TEXT_MAX`](Self::TEXT_MAX).
    pub fn check_text(&self, topic: &Topic, text: &str) -> Result<(), TransportError> {
        if text.len() <= Self::TEXT_MAX {
            return Ok(());
        }
        let message = format!(
            "the schema of {self} has {} bytes: at most {} can be stored beside a topic",
            text.len(),
            Self::TEXT_MAX
        );
        Err(TransportError::new(ErrorKind::TooLarge, "store a schema of", topic, message))
    }
}

/// `TYPE with fingerprint 0123456789abcdef`.
impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` with fingerprint {:016x}", self.event_type, self.fingerprint)
    }
}
