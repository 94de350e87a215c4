//! Writers' schemas that are stored beside a topic.

use std::fmt;
use std::sync::Arc;

use super::{ErrorKind, Topic, TransportError};

/// The upper half of a fingerprint that stands in for an id of 32 bits.
const STAND_IN_OF_ID: u64 = 0x1d1d_1d1d;
/// The upper half of one that stands in for a longer id, for which the transport has a number.
const STAND_IN_OF_HANDLE: u64 = 0x1d1d_1d1e;

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
    /// The maximum length of an event type in bytes: several times that of an event type with a definition. A
    /// schema of a longer one is not stored, and not listed if another program has stored it.
    pub const EVENT_TYPE_MAX: usize = 1024;
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

    /// The fingerprint as 16 lowercase hexadecimal digits, which sort as the numbers do.
    #[must_use]
    pub fn fingerprint_text(&self) -> String {
        format!("{:016x}", self.fingerprint)
    }

    /// A number that stands in for a fingerprint that a transport does not know yet: the message names its schema by
    /// an id of the transport instead. The transport finds the schema by it; nobody else has such fingerprints, except
    /// one schema in two thousand million by chance.
    #[must_use]
    pub const fn stand_in(id: u32, is_handle: bool) -> u64 {
        let prefix = if is_handle { STAND_IN_OF_HANDLE } else { STAND_IN_OF_ID };
        // Lossless.
        #[allow(clippy::cast_lossless)]
        let id = id as u64;
        prefix << 32 | id
    }

    /// The id that a fingerprint [stands in](Self::stand_in) for, and whether it is a handle.
    #[must_use]
    pub const fn stands_for(fingerprint: u64) -> Option<(u32, bool)> {
        #[allow(clippy::cast_possible_truncation)]
        let id = fingerprint as u32;
        match fingerprint >> 32 {
            STAND_IN_OF_ID => Some((id, false)),
            STAND_IN_OF_HANDLE => Some((id, true)),
            _ => None,
        }
    }

    /// Reads what a transport has stored: the event type and the [`fingerprint_text`](Self::fingerprint_text).
    /// `None` if the event type is longer than [`EVENT_TYPE_MAX`](Self::EVENT_TYPE_MAX), or if the fingerprint
    /// is written differently: another program has stored it.
    #[must_use]
    pub fn from_text(event_type: &str, fingerprint: &str) -> Option<Self> {
        let id = Self::new(event_type, u64::from_str_radix(fingerprint, 16).ok()?);
        (event_type.len() <= Self::EVENT_TYPE_MAX && id.fingerprint_text() == fingerprint).then_some(id)
    }

    /// Checks that a schema with this text can be stored; for transports.
    ///
    /// # Errors
    /// A [`TransportError`] of kind [`TooLarge`](ErrorKind::TooLarge) if the text is longer than
    /// [`TEXT_MAX`](Self::TEXT_MAX), or the event type than [`EVENT_TYPE_MAX`](Self::EVENT_TYPE_MAX).
    pub fn check_text(&self, topic: &Topic, text: &str) -> Result<(), TransportError> {
        let refused =
            |message| Err(TransportError::new(ErrorKind::TooLarge, "store a schema of", topic, message));
        if self.event_type.len() > Self::EVENT_TYPE_MAX {
            let (len, max) = (self.event_type.len(), Self::EVENT_TYPE_MAX);
            return refused(format!("the event type of a schema has {len} bytes: use at most {max}"));
        }
        if text.len() > Self::TEXT_MAX {
            let (len, max) = (text.len(), Self::TEXT_MAX);
            let message =
                format!("the schema of {self} has {len} bytes: at most {max} can be stored beside a topic");
            return refused(message);
        }
        Ok(())
    }
}

/// `TYPE with fingerprint 0123456789abcdef`.
impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` with fingerprint {:016x}", self.event_type, self.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_says_what_it_stands_for() {
        for id in [0, 1, u32::MAX] {
            for is_handle in [false, true] {
                assert_eq!(SchemaId::stands_for(SchemaId::stand_in(id, is_handle)), Some((id, is_handle)));
            }
        }
        assert_eq!(SchemaId::stands_for(0x0123_4567_89ab_cdef), None);
    }

    #[test]
    fn the_text_of_a_fingerprint_is_read_only_as_it_is_written() {
        for fingerprint in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            let id = SchemaId::new("org.acme.orders.order.placed.v1", fingerprint);
            assert_eq!(SchemaId::from_text(id.event_type(), &id.fingerprint_text()), Some(id));
        }
        for wrong in
            ["", "1", "+000000000000001", "00000000000000AB", "00000000000000001", "0x00000000000001"]
        {
            assert_eq!(SchemaId::from_text("a.b.c.d.v1", wrong), None, "{wrong}");
        }
        assert_eq!(SchemaId::from_text(&"x".repeat(SchemaId::EVENT_TYPE_MAX + 1), "0000000000000000"), None);
    }
}
