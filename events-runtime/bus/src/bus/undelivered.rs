//! A message that a bus could not send.

use events_transport::{Message, Topic};

/// An event that was not acknowledged before the bus was shut down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undelivered {
    /// The event's topic.
    pub topic: Topic,
    /// The whole message: headers, key and datum.
    pub message: Message,
}
