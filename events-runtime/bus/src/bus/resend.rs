//! Sends messages of an earlier bus, without starting one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot;
use tokio::sync::watch;

use super::capacity::Capacity;
use super::destination::Destination;
use super::observe::Observe;
use super::sender::{Phase, Sender, Sending};
use super::shutdown::join;
use super::topic_queue::TopicQueue;
use super::undelivered::Undelivered;
use events_core::signal::SendError;
use events_transport::TransportName;

/// The result of sending messages again.
pub struct Resent {
    /// The position or the error of each message, in order.
    pub results: Vec<Result<String, SendError>>,
    /// The error of the last attempt, if the timeout passed before it succeeded.
    pub last_error: Option<String>,
}

/// Sends messages as a bus does: in order per topic and with retries, for at most `timeout`.
///
/// A message whose transport is not in `sending` is not sent, and its result says so.
pub async fn resend(
    sending: &BTreeMap<TransportName, Sending>,
    messages: Vec<Undelivered>,
    timeout: Duration,
) -> Resent {
    let capacity = Capacity::new(messages.len());
    let mut queues: BTreeMap<Destination, Arc<TopicQueue>> = BTreeMap::new();
    let mut pending = Vec::with_capacity(messages.len());
    for Undelivered { topic, transport, message } in messages {
        let to = Destination { topic, transport };
        let (settle, result) = oneshot::channel();
        let queue = queues
            .entry(to.clone())
            .or_insert_with(|| Arc::new(TopicQueue::new(to, "".into(), Observe::nothing())));
        queue.schemas.add_of(&message);
        // Neither can fail: the capacity is the number of messages, and no queue is closed.
        if let Some(permit) = capacity.try_acquire(capacity.total()) {
            let _ = queue.push(message, settle, permit);
        }
        pending.push(result);
    }
    let phase = watch::Sender::new(Phase::Draining);
    let senders = queues.values().filter_map(|queue| {
        let Some(sending) = sending.get(&queue.to.transport).cloned() else {
            queue.end();
            return None;
        };
        let (queue, phase) = (Arc::clone(queue), phase.subscribe());
        Some(tokio::spawn(Sender::new(queue, sending, phase).run()))
    });
    let mut senders = senders.collect();
    if tokio::time::timeout(timeout, join(&mut senders)).await.is_err() {
        phase.send_replace(Phase::Abandoning);
        join(&mut senders).await;
    }
    let mut results = Vec::with_capacity(pending.len());
    for result in pending {
        results.push(result.await.unwrap_or(Err(SendError::Unfinished)));
    }
    let last_error = queues.values().find_map(|queue| queue.circuit().last_error().map(str::to_owned));
    Resent { results, last_error }
}
