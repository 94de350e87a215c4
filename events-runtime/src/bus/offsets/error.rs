//! Why a group was not moved, or a place not found.

use uuid::Uuid;

use crate::transport::{ConsumerGroup, Topic, TransportError};

/// Why a place in a topic was not found, or a group not moved. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OffsetsError {
    /// The transport failed.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The topic has no such group; a consumer that starts makes it.
    #[error(
        "topic `{topic}` has no group `{group}`, only {}: correct the name; a group that is yet to be made starts where its consumer says", list(.there)
    )]
    NoGroup {
        /// The topic.
        topic: Topic,
        /// The group that was named.
        group: ConsumerGroup,
        /// The groups that there are.
        there: Vec<ConsumerGroup>,
    },
    /// No message in the topic bears the id.
    #[error(
        "topic `{topic}` holds no event with the id {id}: it went elsewhere, or retention removed it; name a time or a position"
    )]
    NoEvent {
        /// The topic.
        topic: Topic,
        /// The id that was named.
        id: Uuid,
    },
    /// The transport does not say where the group stands.
    #[error("where group `{group}` stands on topic `{topic}` can't be told as one place by this transport")]
    Unclear {
        /// The topic.
        topic: Topic,
        /// The group.
        group: ConsumerGroup,
    },
}

fn list(groups: &[ConsumerGroup]) -> String {
    let names: Vec<_> = groups.iter().map(|group| format!("`{group}`")).collect();
    if names.is_empty() { "none at all".to_owned() } else { names.join(", ") }
}
