//! A message where it is stored, seen without being received.

use std::time::SystemTime;

use super::{Message, Position};

/// A message that was read without being handed to a member of a group; see
/// [`Transport::unsettled`](super::Transport::unsettled).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredMessage {
    /// The message.
    pub message: Message,
    /// Where it stands in its topic.
    pub position: Position,
    /// When the transport stored it.
    pub time: SystemTime,
}

impl StoredMessage {
    /// About so many bytes are read at once at most, however many messages are asked for.
    pub const BYTES_AT_MOST: usize = 16 << 20;

    /// A message and its place; for transports.
    #[must_use]
    pub const fn new(message: Message, position: Position, time: SystemTime) -> Self {
        Self { message, position, time }
    }
}
