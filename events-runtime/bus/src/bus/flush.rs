//! Waits for acknowledgements without stopping the bus.

use std::sync::Arc;
use std::time::Duration;

use super::destination::Destination;
use super::topic_queue::TopicQueue;
use crate::envelope::Envelope;
use events_transport::{Message, Topic, TransportName};

/// Events that were emitted before a flush and not acknowledged in time. The bus keeps sending them unless
/// it was shut down; their emissions report the result.
#[derive(Debug, thiserror::Error)]
#[error("{} not acknowledged in time and still being sent{}", events_were(.unacknowledged.len()), last(.last_error.as_ref()))]
pub struct FlushError {
    unacknowledged: Vec<Unacknowledged>,
    last_error: Option<String>,
}

/// "1 event was" or "3 events were".
pub(super) fn events_were(count: usize) -> String {
    if count == 1 { "1 event was".to_owned() } else { format!("{count} events were") }
}

/// The part of an error text that names the last failed attempt.
pub(super) fn last(error: Option<&String>) -> String {
    error.map(|error| format!("; last error: {error}")).unwrap_or_default()
}

impl FlushError {
    /// The events, topic by topic, in the order they were emitted for each.
    #[must_use]
    pub fn unacknowledged(&self) -> &[Unacknowledged] {
        &self.unacknowledged
    }
}

/// An event that was not acknowledged in time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unacknowledged {
    /// The topic that it is going to.
    pub topic: Topic,
    /// The topic's transport.
    pub transport: TransportName,
    /// The event type.
    pub event_type: String,
    /// The event's id.
    pub id: String,
}

impl Unacknowledged {
    fn new(to: &Destination, message: &Message) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self {
            topic: to.topic.clone(),
            transport: to.transport.clone(),
            event_type: text(Envelope::event_type_of(message)),
            id: text(Envelope::id_of(message)),
        }
    }
}

/// Waits until the queues have settled the events that they hold now.
pub(super) async fn flush(queues: &[Arc<TopicQueue>], timeout: Duration) -> Result<(), FlushError> {
    let marks: Vec<_> = queues.iter().map(|queue| (queue, queue.mark())).collect();
    let settled = async {
        for (queue, mark) in &marks {
            queue.settled(*mark).await;
        }
    };
    // A queue that ended without settling its events also stops the wait, so the events are always checked.
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
