//! A stored message that was read without being delivered.

use std::time::SystemTime;

use super::{Message, Position};

/// A stored message that was read without being delivered; see
/// [`Transport::unsettled`](super::Transport::unsettled).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredMessage {
    /// The message.
    pub message: Message,
    /// The position in its topic.
    pub position: Position,
    /// When the transport stored it.
    pub time: SystemTime,
}

impl StoredMessage {
    /// The approximate maximum size of one read in bytes, for any number of messages.
    pub const BYTES_AT_MOST: usize = 16 << 20;

    /// A stored message; for transports.
    #[must_use]
    pub const fn new(message: Message, position: Position, time: SystemTime) -> Self {
        Self { message, position, time }
    }
}
