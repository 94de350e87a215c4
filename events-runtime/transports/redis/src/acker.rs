//! Sends the outcomes and lease renewals of one consumer to its worker.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::config::AckMode;
use super::worker::{Results, Work};
use events_transport::{BoxFuture, ErrorKind, Outcome, Receipt, Settle, Settlement, Topic, TransportError};

/// The keys of deliveries that were released, retried or postponed since the last claim was requested.
#[derive(Default)]
pub(super) struct ReleasedKeys(Mutex<Vec<Bytes>>);

impl ReleasedKeys {
    pub(super) fn add(&self, keys: impl IntoIterator<Item = Bytes>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(keys);
    }

    /// Returns and clears the keys.
    pub(super) fn take(&self) -> Vec<Bytes> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether the message is delivered again.
pub(super) const fn requeues(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Retry(_) | Outcome::Release | Outcome::Postpone(_))
}

pub(super) struct Acker {
    work: mpsc::UnboundedSender<Work>,
    topic: Topic,
    ack: AckMode,
    released: Arc<ReleasedKeys>,
}

impl Acker {
    pub(super) const fn new(
        work: mpsc::UnboundedSender<Work>,
        topic: Topic,
        ack: AckMode,
        released: Arc<ReleasedKeys>,
    ) -> Self {
        Self { work, topic, ack, released }
    }

    /// The keys released, retried or postponed since the last claim was requested, or since the last call of this.
    pub(super) fn take_released(&self) -> Vec<Bytes> {
        self.released.take()
    }

    fn submit_settlements(&self, settlements: Vec<Settlement>, reply: oneshot::Sender<Results>) {
        let requeued = settlements.iter().filter(|settlement| requeues(&settlement.outcome));
        self.released.add(requeued.filter_map(|settlement| settlement.receipt.key.clone()));
        self.submit(Work::Settle(settlements, reply));
    }

    /// Queues work. If the worker has ended, the reply channel is dropped, which reports it.
    pub(super) fn submit(&self, work: Work) {
        let _ = self.work.send(work);
    }

    pub(super) fn closed(&self, operation: &'static str) -> TransportError {
        TransportError::new(
            ErrorKind::Closed,
            operation,
            &self.topic,
            "the tokio runtime of this consumer was shut down",
        )
    }

    fn results(
        &self,
        operation: &'static str,
        count: usize,
        answer: oneshot::Receiver<Results>,
    ) -> BoxFuture<'static, Results> {
        let closed = self.closed(operation);
        Box::pin(
            async move { answer.await.unwrap_or_else(|_| (0..count).map(|_| Err(closed.clone())).collect()) },
        )
    }
}

impl Settle for Acker {
    fn settle(&self, mut settlements: Vec<Settlement>) -> BoxFuture<'static, Results> {
        if self.ack == AckMode::Always {
            for settlement in &mut settlements {
                if matches!(settlement.outcome, Outcome::Retry(_) | Outcome::Reject(_)) {
                    metrics::counter!("events_acked_failed_total", "topic" => self.topic.to_string())
                        .increment(1);
                    settlement.outcome = Outcome::Ack;
                }
            }
        }
        let (count, (reply, answer)) = (settlements.len(), oneshot::channel());
        self.submit_settlements(settlements, reply);
        self.results("settle", count, answer)
    }

    fn abandon(&self, receipt: Receipt) {
        // If the lease was lost, the message has been requeued already.
        let (reply, _) = oneshot::channel();
        self.submit_settlements(vec![Settlement::retry(receipt, Duration::ZERO)], reply);
    }

    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Results> {
        let (count, (reply, answer)) = (receipts.len(), oneshot::channel());
        self.submit(Work::Renew(receipts, reply));
        self.results("renew", count, answer)
    }
}
