//! A message that a bus could not send.

use events_transport::{Message, Topic, TransportName};

/// An event that was not acknowledged before the bus was shut down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undelivered {
    /// The event's topic.
    pub topic: Topic,
    /// The topic's transport.
    pub transport: TransportName,
    /// The whole message: headers, key and datum.
    pub message: Message,
}
