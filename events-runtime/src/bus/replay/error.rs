//! Why a replay ended before its time.

use super::super::offsets::SeekTarget;
use super::super::worker::ConsumeError;
use crate::transport::{ConsumerGroup, NameError, Position, TransportError};

/// Why a replay did not begin, or ended before its time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// Neither a new group nor one to replay in is named.
    #[error(
        "the replay of topic `{topic}` has no group: call `group(\"…\")` for a new one, or `in_place(\"…\")`"
    )]
    NoGroup {
        /// The topic's base name.
        topic: String,
    },
    /// A name can't be used.
    #[error("the replay's topic or group can't be used")]
    Name(#[from] NameError),
    /// The end stands before the beginning.
    #[error("the replay ends at {to}, which is before its beginning at {from}: exchange the two")]
    Backwards {
        /// The beginning.
        from: SeekTarget,
        /// The end.
        to: SeekTarget,
    },
    /// The group has not come as far as the beginning: moving it there would pass over events that
    /// nobody has worked on.
    #[error(
        "group `{group}` stands at {next}, before the replay's beginning at {from}, and would lose what is between: begin at {next} or earlier, let the group come further, or replay into a new group"
    )]
    Behind {
        /// The group.
        group: ConsumerGroup,
        /// The earliest event that it has not settled.
        next: Position,
        /// The beginning.
        from: Position,
    },
    /// The transport failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The events could not be consumed.
    #[error("the replay ended before its time")]
    Consume(#[from] ConsumeError),
}
