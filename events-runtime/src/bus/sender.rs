//! From the queue to the transport: batches, in order, again while the transport is away.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::error::{ShutdownError, Undelivered, chain};
use super::outbound::Outgoing;
use super::retry::Backoff;
use crate::envelope::Envelope;
use crate::signal::SendError;
use crate::transport::{Message, Position, Producer, Topic, TransportError};

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

/// What became of each message of a batch.
type Results = Vec<Result<Position, TransportError>>;

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
                // Seen at the start of the loop.
                _ = self.phase.changed() => {}
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
            let Some(results) = self.submit(&batches).await else {
                return Err((batches, None));
            };
            let failed: Vec<_> = batches
                .into_iter()
                .zip(results)
                .filter_map(|(batch, results)| batch.settle(results))
                .collect();
            // A store that takes a batch whole or not at all says nothing of the single messages.
            let (again, error) = self.send_singly(failed).await;
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
            metrics::gauge!("events_queue_depth").set(queue_depth(&self.queue));
            tracing::warn!(error, failures, ?pause, "sending failed and is tried again");
            if self.is_abandoned_within(pause).await {
                return Err((batches, Some(error)));
            }
        }
    }

    /// Submits all batches before the first is awaited; `None` where the time of a shutdown is over
    /// before all have answered.
    async fn submit(&mut self, batches: &[Batch]) -> Option<Vec<Results>> {
        if *self.phase.borrow() == Phase::Abandoning {
            return None;
        }
        let sends: Vec<_> =
            batches.iter().map(|batch| self.producer.send(&batch.topic, &batch.messages)).collect();
        let all = async {
            let mut results = Vec::with_capacity(sends.len());
            for send in sends {
                results.push(send.await);
            }
            results
        };
        tokio::select! {
            results = all => Some(results),
            Ok(_) = self.phase.wait_for(|phase| *phase == Phase::Abandoning) => None,
        }
    }

    /// Sends messages one by one, so that one which the store refuses takes no other with it. Gives
    /// back, with the last error, what may succeed later: in each topic the first such message and
    /// those behind it.
    async fn send_singly(&mut self, failed: Vec<Batch>) -> (Vec<Batch>, Option<String>) {
        let (mut again, mut last_error) = (Vec::new(), None);
        for mut batch in failed {
            while let Some(one) = batch.split_first() {
                let mut results = self.submit(std::slice::from_ref(&one)).await;
                let result = results.as_mut().and_then(Vec::pop).and_then(|mut results| results.pop());
                match result {
                    Some(Err(error)) if !error.is_retryable() => one.refuse(&error),
                    Some(Ok(position)) => drop(one.settle(vec![Ok(position)])),
                    failed => {
                        last_error = Some(match failed {
                            Some(Err(error)) => chain(&error),
                            _ => "the transport did not answer in time".to_owned(),
                        });
                        again.push(one.join(batch));
                        break;
                    }
                }
            }
        }
        (again, last_error)
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
    /// Tells who waits for what is stored, and gives back the rest.
    fn settle(self, results: Results) -> Option<Self> {
        let mut again = Self { topic: self.topic, messages: Vec::new(), waiting: Vec::new() };
        let mut sent = 0;
        for ((message, waiting), result) in self.messages.into_iter().zip(self.waiting).zip(results) {
            if let Ok(position) = result {
                sent += 1;
                // Nobody waits where the emission was dropped.
                let _ = waiting.send(Ok(position.to_string()));
            } else {
                again.messages.push(message);
                again.waiting.push(waiting);
            }
        }
        metrics::counter!("events_sent_total", "topic" => again.topic.to_string()).increment(sent);
        (!again.messages.is_empty()).then_some(again)
    }

    /// Tells who waits that no attempt can succeed.
    fn refuse(self, error: &TransportError) {
        metrics::counter!("events_send_failed_total", "topic" => self.topic.to_string()).increment(1);
        for (message, waiting) in self.messages.iter().zip(self.waiting) {
            tracing::error!(
                topic = %self.topic,
                event_type = Envelope::event_type_of(message),
                id = Envelope::id_of(message),
                error = chain(error),
                "an event was not sent"
            );
            let _ = waiting.send(Err(SendError::Failed(error.clone().into())));
        }
    }

    /// The first message as a batch of its own.
    fn split_first(&mut self) -> Option<Self> {
        if self.messages.is_empty() {
            return None;
        }
        let (message, waiting) = (self.messages.remove(0), self.waiting.remove(0));
        Some(Self { topic: self.topic.clone(), messages: vec![message], waiting: vec![waiting] })
    }

    /// The messages of both, in order.
    fn join(mut self, mut behind: Self) -> Self {
        self.messages.append(&mut behind.messages);
        self.waiting.append(&mut behind.waiting);
        self
    }
}

fn queue_depth(queue: &mpsc::Receiver<Outgoing>) -> f64 {
    u32::try_from(queue.len()).map_or(f64::INFINITY, f64::from)
}
