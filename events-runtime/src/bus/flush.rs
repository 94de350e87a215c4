//! Waiting for the broker without stopping the bus.

use std::sync::Arc;
use std::time::Duration;

use super::topic_queue::TopicQueue;
use crate::envelope::Envelope;
use crate::transport::{Message, Topic};

/// Events that were emitted before a flush and not acknowledged when its time was over. They are
/// still being sent, unless the bus was shut down meanwhile; their emissions tell the end.
#[derive(Debug, thiserror::Error)]
#[error("{} events were not acknowledged before the time was over and are still being sent{}", .unacknowledged.len(), last(.last_error.as_ref()))]
pub struct FlushError {
    unacknowledged: Vec<Unacknowledged>,
    last_error: Option<String>,
}

/// What an error says of the last failed attempt.
pub(super) fn last(error: Option<&String>) -> String {
    error.map(|error| format!("; the last error was: {error}")).unwrap_or_default()
}

impl FlushError {
    /// The events, topic by topic, in the order they were emitted for each.
    #[must_use]
    pub fn unacknowledged(&self) -> &[Unacknowledged] {
        &self.unacknowledged
    }
}

/// An event that a flush did not see acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unacknowledged {
    /// The topic that it is going to.
    pub topic: Topic,
    /// The event type.
    pub event_type: String,
    /// The event's id.
    pub id: String,
}

impl Unacknowledged {
    fn new(topic: &Topic, message: &Message) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self {
            topic: topic.clone(),
            event_type: text(Envelope::event_type_of(message)),
            id: text(Envelope::id_of(message)),
        }
    }
}

/// Waits until the queues have settled what is in them now.
pub(super) async fn flush(queues: &[Arc<TopicQueue>], timeout: Duration) -> Result<(), FlushError> {
    let marks: Vec<_> = queues.iter().map(|queue| (queue, queue.mark())).collect();
    let settled = async {
        for (queue, mark) in &marks {
            queue.settled(*mark).await;
        }
    };
    // What ended without being settled is listed too, hence the look at both.
    let _ = tokio::time::timeout(timeout, settled).await;
    let left: Vec<_> =
        marks.iter().map(|(queue, mark)| (queue, queue.unsettled(*mark, Unacknowledged::new))).collect();
    let last_error = left
        .iter()
        .filter(|(_, events)| !events.is_empty())
        .find_map(|(queue, _)| queue.circuit().last_error().map(str::to_owned));
    let unacknowledged: Vec<_> = left.into_iter().flat_map(|(_, events)| events).collect();
    if unacknowledged.is_empty() { Ok(()) } else { Err(FlushError { unacknowledged, last_error }) }
}
