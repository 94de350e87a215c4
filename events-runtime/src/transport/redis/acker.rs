//! Where a member's outcomes go.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::super::{BoxFuture, ErrorKind, Outcome, Receipt, Settle, Settlement, Topic, TransportError};
use super::config::AckMode;
use super::worker::{Results, Work};

/// The keys of what was handed back since the last claim was asked for.
#[derive(Default)]
pub(super) struct ReleasedKeys(Mutex<Vec<Bytes>>);

impl ReleasedKeys {
    pub(super) fn add(&self, keys: impl IntoIterator<Item = Bytes>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(keys);
    }

    /// The keys, which are forgotten.
    pub(super) fn take(&self) -> Vec<Bytes> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One member's side of the worker.
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

    /// The keys of what was handed back since the last claim was asked for, or since this was asked.
    pub(super) fn take_released(&self) -> Vec<Bytes> {
        self.released.take()
    }

    fn submit_settlements(&self, settlements: Vec<Settlement>, reply: oneshot::Sender<Results>) {
        let back = settlements
            .iter()
            .filter(|settlement| matches!(settlement.outcome, Outcome::Retry(_) | Outcome::Release));
        self.released.add(back.filter_map(|settlement| settlement.receipt.key.clone()));
        self.submit(Work::Settle(settlements, reply));
    }

    /// Hands work over; where the worker has ended, the reply's other side tells.
    pub(super) fn submit(&self, work: Work) {
        let _ = self.work.send(work);
    }

    pub(super) fn closed(&self, operation: &'static str) -> TransportError {
        TransportError::new(
            ErrorKind::Closed,
            operation,
            &self.topic,
            "the runtime that this consumer was made in has ended",
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
        // A lost lease means that the message went back already.
        let (reply, _) = oneshot::channel();
        self.submit_settlements(vec![Settlement::retry(receipt, Duration::ZERO)], reply);
    }

    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Results> {
        let (count, (reply, answer)) = (receipts.len(), oneshot::channel());
        self.submit(Work::Renew(receipts, reply));
        self.results("renew", count, answer)
    }
}
