//! The end of a replay: messages at or after it are released, and the replay ends when all messages before
//! it are settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use events_support::error_chain::chain;
use events_transport::{
    BoxFuture, Consumer, ConsumerGroup, Delivery, ErrorKind, Positions, Topic, Transport, TransportError,
};

/// The pause after a fetch that returned only messages at or after the end.
const PAUSE: Duration = Duration::from_millis(50);
/// The pauses between two checks of the group's progress, shortest and longest.
const CHECK_PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// What it means if the group was removed.
#[derive(Clone)]
pub(super) enum GroupRemoved {
    /// An error: the group existed before the replay.
    IsError,
    /// The end: the first process that finds all messages settled removes the replay's group. Set when a
    /// consumer has found it removed.
    IsEnd(Arc<AtomicBool>),
}

/// A consumer that returns only messages before `end` in their partition.
pub(super) struct Bounded {
    inner: Box<dyn Consumer>,
    end: Positions,
    removed: GroupRemoved,
    fetches_at: Option<Instant>,
}

impl Bounded {
    pub(super) fn new(inner: Box<dyn Consumer>, end: Positions, removed: GroupRemoved) -> Self {
        Self { inner, end, removed, fetches_at: None }
    }
}

impl Consumer for Bounded {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(async move {
            if let Some(at) = self.fetches_at {
                tokio::time::sleep_until(at).await;
                self.fetches_at = None;
            }
            let deliveries = match (self.inner.receive(max, wait).await, &self.removed) {
                (Err(error), GroupRemoved::IsEnd(found)) if error.kind() == ErrorKind::NotFound => {
                    found.store(true, Ordering::Relaxed);
                    self.fetches_at = Some(Instant::now() + PAUSE);
                    Vec::new()
                }
                (received, _) => received?,
            };
            // No await from here on: received messages would be lost with the future.
            let (within, beyond): (Vec<_>, Vec<_>) = deliveries.into_iter().partition(|delivery| {
                let position = delivery.position();
                self.end.of(position.partition()).is_some_and(|end| position < end)
            });
            if within.is_empty() && !beyond.is_empty() {
                self.fetches_at = Some(Instant::now() + PAUSE);
            }
            for delivery in beyond {
                // Takes effect when called. If the release is not stored, the message is redelivered when
                // its lease ends.
                drop(delivery.release());
            }
            Ok(within)
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        self.inner.close()
    }
}

/// Whether a group has settled all messages before `end`, in each partition.
fn is_reached(next: &Positions, end: &Positions) -> bool {
    // A partition without a position has no messages.
    end.iter().all(|end| next.of(end.partition()).is_none_or(|next| next >= end))
}

/// Waits until a group has settled all messages before `end`, or is removed if that means the same.
pub(super) async fn settled(
    transport: &dyn Transport,
    topic: &Topic,
    group: &ConsumerGroup,
    end: &Positions,
    removed: &GroupRemoved,
) -> Result<(), TransportError> {
    let (mut pause, longest) = CHECK_PAUSES;
    let mut joined = false;
    loop {
        match transport.group(topic, group).await {
            Ok(found) => match found {
                Some(status) if status.lag == 0 => return Ok(()),
                Some(status) => match status.positions() {
                    Some(next) if is_reached(&next, end) => return Ok(()),
                    Some(_) => joined = true,
                    None => {
                        let message = "the transport does not report the group's progress";
                        return Err(TransportError::new(ErrorKind::Unsupported, "replay", topic, message));
                    }
                },
                None => match removed {
                    GroupRemoved::IsEnd(found) if joined || found.load(Ordering::Relaxed) => return Ok(()),
                    GroupRemoved::IsError if joined => {
                        return Err(TransportError::no_group("replay", topic, group));
                    }
                    _ => {}
                },
            },
            Err(error) if error.is_retryable() && !error.kind().needs_operator() => {
                tracing::debug!(%topic, %group, error = chain(&error), "failed to read the progress of a replay");
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}
