//! From the queue to the transport: batches, in order, again while the transport is away.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::error::{ShutdownError, Undelivered, chain};
use super::outbound::Outgoing;
use super::retry::Backoff;
use crate::signal::SendError;
use crate::transport::{Message, Producer, Topic, TransportError};

/// How far a shutdown has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Running,
    /// No new events; those in the queue are sent.
    Draining,
    /// The time is over.
    Abandoning,
}

/// The task that empties the queue.
pub(super) struct Sender {
    pub(super) producer: Arc<dyn Producer>,
    pub(super) queue: mpsc::Receiver<Outgoing>,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) batch_size: usize,
    pub(super) linger: Duration,
    pub(super) backoff: Backoff,
}

/// What goes to one topic in one call.
struct Batch {
    topic: Topic,
    messages: Vec<Message>,
    waiting: Vec<futures_channel::oneshot::Sender<Result<String, SendError>>>,
}

/// What was being sent when the time was over, and the last error.
type Unsent = (Vec<Batch>, Option<String>);

impl Sender {
    /// Sends until the queue is closed and empty.
    ///
    /// # Errors
    /// What could not be sent before the time of a shutdown was over.
    pub(super) async fn run(mut self) -> Result<(), ShutdownError> {
        let mut gathered = Vec::with_capacity(self.batch_size);
        loop {
            if self.gather(&mut gathered).await == 0 {
                return Ok(());
            }
            metrics::gauge!("events_queue_depth").set(queue_depth(&self.queue));
            if let Err(failed) = self.send(by_topic(&mut gathered)).await {
                return Err(self.abandon(failed));
            }
        }
    }

    /// The next events, as many as there are up to the batch's size; 0 at the queue's end.
    async fn gather(&mut self, gathered: &mut Vec<Outgoing>) -> usize {
        loop {
            if *self.phase.borrow() >= Phase::Draining {
                self.queue.close();
                return self.queue.recv_many(gathered, self.batch_size).await;
            }
            tokio::select! {
                count = self.queue.recv_many(gathered, self.batch_size) => {
                    if count == 0 || self.linger.is_zero() {
                        return count;
                    }
                    return self.linger(gathered).await;
                }
                changed = self.phase.changed() => {
                    // The bus and all its handles are gone: nobody can offer events any more.
                    if changed.is_err() {
                        self.queue.close();
                        return self.queue.recv_many(gathered, self.batch_size).await;
                    }
                }
            }
        }
    }

    /// Waits for more to share the batch.
    async fn linger(&mut self, gathered: &mut Vec<Outgoing>) -> usize {
        let deadline = tokio::time::Instant::now() + self.linger;
        while gathered.len() < self.batch_size && *self.phase.borrow() == Phase::Running {
            let room = self.batch_size - gathered.len();
            match tokio::time::timeout_at(deadline, self.queue.recv_many(gathered, room)).await {
                Ok(count) if count > 0 => {}
                _ => break,
            }
        }
        gathered.len()
    }

    /// Sends batches until each message is stored or refused for good.
    async fn send(&mut self, mut batches: Vec<Batch>) -> Result<(), Unsent> {
        let mut failures = 0;
        loop {
            if *self.phase.borrow() == Phase::Abandoning {
                return Err((batches, None));
            }
            // All are submitted before the first is awaited.
            let sends: Vec<_> =
                batches.iter().map(|batch| self.producer.send(&batch.topic, &batch.messages)).collect();
            let all = async {
                let mut results = Vec::with_capacity(sends.len());
                for send in sends {
                    results.push(send.await);
                }
                results
            };
            let results = tokio::select! {
                results = all => results,
                Ok(_) = self.phase.wait_for(|phase| *phase == Phase::Abandoning) => {
                    return Err((batches, Some("the transport did not answer in time".to_owned())));
                }
            };
            let mut again = Vec::new();
            let mut error = None;
            for (batch, results) in batches.into_iter().zip(results) {
                let (rest, fault) = batch.settle(results);
                again.extend(rest);
                error = error.or(fault);
            }
            let Some(error) = error else {
                if failures > 0 {
                    tracing::info!(attempts = failures + 1, "the transport takes events again");
                }
                return Ok(());
            };
            batches = again;
            failures += 1;
            let pause = self.backoff.after(failures);
            metrics::counter!("events_send_retried_total").increment(1);
            tracing::warn!(error = chain(&error), failures, ?pause, "sending failed and is tried again");
            if self.is_abandoned_within(pause).await {
                return Err((batches, Some(chain(&error))));
            }
        }
    }

    /// Waits, unless the time of a shutdown is over before.
    async fn is_abandoned_within(&mut self, pause: Duration) -> bool {
        let abandoned = self.phase.wait_for(|phase| *phase == Phase::Abandoning);
        tokio::time::timeout(pause, abandoned).await.is_ok_and(|phase| phase.is_ok())
    }

    fn abandon(mut self, (batches, last_error): Unsent) -> ShutdownError {
        self.queue.close();
        let mut undelivered = Vec::new();
        for batch in batches {
            let topic = batch.topic;
            undelivered.extend(
                batch.messages.into_iter().map(|message| Undelivered { topic: topic.clone(), message }),
            );
        }
        // Dropping what waits settles it as shut down.
        while let Ok(Outgoing { topic, message, .. }) = self.queue.try_recv() {
            undelivered.push(Undelivered { topic, message });
        }
        ShutdownError { undelivered, last_error }
    }
}

/// Topics in the order of their first event; events of one topic in theirs.
fn by_topic(gathered: &mut Vec<Outgoing>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for Outgoing { topic, message, settle } in gathered.drain(..) {
        let batch = if let Some(found) = batches.iter().position(|batch| batch.topic == topic) {
            batches.get_mut(found)
        } else {
            batches.push(Batch { topic, messages: Vec::new(), waiting: Vec::new() });
            batches.last_mut()
        };
        if let Some(batch) = batch {
            batch.messages.push(message);
            batch.waiting.push(settle);
        }
    }
    batches
}

impl Batch {
    /// Tells who waits; what may succeed later is given back with the first such error.
    fn settle(
        self,
        results: Vec<Result<crate::transport::Position, TransportError>>,
    ) -> (Option<Self>, Option<TransportError>) {
        let topic = self.topic;
        let mut again = Self { topic, messages: Vec::new(), waiting: Vec::new() };
        let mut error = None;
        let mut sent = 0;
        for ((message, waiting), result) in self.messages.into_iter().zip(self.waiting).zip(results) {
            match result {
                Ok(position) => {
                    sent += 1;
                    // Nobody waits where the emission was dropped.
                    let _ = waiting.send(Ok(position.to_string()));
                }
                Err(fault) if fault.is_retryable() => {
                    again.messages.push(message);
                    again.waiting.push(waiting);
                    error.get_or_insert(fault);
                }
                Err(fault) => {
                    metrics::counter!("events_send_failed_total", "topic" => again.topic.to_string())
                        .increment(1);
                    tracing::error!(topic = %again.topic, error = chain(&fault), "an event was not sent");
                    let _ = waiting.send(Err(SendError::Failed(fault.into())));
                }
            }
        }
        metrics::counter!("events_sent_total", "topic" => again.topic.to_string()).increment(sent);
        if again.messages.is_empty() { (None, error) } else { (Some(again), error) }
    }
}

fn queue_depth(queue: &mpsc::Receiver<Outgoing>) -> f64 {
    u32::try_from(queue.len()).map_or(f64::INFINITY, f64::from)
}
