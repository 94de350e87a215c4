//! Errors of replays.

use super::super::offsets::SeekTarget;
use super::super::worker::ConsumeError;
use crate::config::UnknownTransport;
use events_transport::{ConsumerGroup, NameError, Position, TransportError};

/// The reason why a replay did not start or ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// No group is set.
    #[error(
        "the replay of topic `{topic}` has no group: call `group(\"…\")` for a new group, or `in_place(\"…\")` for an existing one"
    )]
    NoGroup {
        /// The topic's base name.
        topic: String,
    },
    /// The name of the topic or of the group is invalid.
    #[error("the name of the replay's topic or group is invalid")]
    Name(#[from] NameError),
    /// No transport has the replay's name.
    #[error(transparent)]
    UnknownTransport(#[from] UnknownTransport),
    /// The end is before the start.
    #[error("the end of the replay, {to}, is before its start, {from}: swap the two")]
    Backwards {
        /// The start.
        from: SeekTarget,
        /// The end.
        to: SeekTarget,
    },
    /// The group has not reached the start: moving it there would skip events that it has not processed.
    #[error(
        "group `{group}` is at {next}, before the start of the replay at {from}, and would lose the events in between: start at {next} or earlier, wait until the group has reached the start, or replay into a new group"
    )]
    Behind {
        /// The group.
        group: ConsumerGroup,
        /// The earliest event that the group has not settled.
        next: Position,
        /// The start.
        from: Position,
    },
    /// The transport failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The events could not be consumed.
    #[error("the replay's consumer failed")]
    Consume(#[from] ConsumeError),
}
