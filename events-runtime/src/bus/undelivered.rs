//! A message that its bus could not send.

use crate::transport::{Message, Topic};

/// An event that was not acknowledged before its bus was shut down.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undelivered {
    /// The topic that it was going to.
    pub topic: Topic,
    /// The whole message: headers, key and datum.
    pub message: Message,
}
