//! Dead letters that can't be stored by the settle script: in a cluster, because the dead-letter topic may
//! be on another node, and otherwise if they have too many fields for Lua's stack. They take two steps:
//! the dead letter is stored, then the message is acknowledged, so neither is lost. If the consumer
//! crashes in between, the message is redelivered although its dead letter is stored.
//!
//! Dead letters are sent concurrently with the consumer's other calls, since their node may be unavailable
//! while the topic's node is not.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::config::Config;
use super::producer::RedisProducer;
use super::settle::{SettleBatch, reply_all};
use super::worker::{Results, Worker};
use events_transport::{BoxFuture, Outcome, Position, Producer as _, Receipt, Settlement, TransportError};

/// Limits renewals of short leases.
const MIN_RENEWAL_INTERVAL: Duration = Duration::from_millis(50);

/// The dead letters of one consumer.
pub(super) struct DeadLetters {
    producer: RedisProducer,
    pending: FuturesUnordered<BoxFuture<'static, BatchPoll>>,
}

/// Dead letters that were sent together, with the results of their requests.
struct Batch {
    /// The rejected messages, each with the index of its result.
    rejected: Vec<(usize, Receipt)>,
    stored: BoxFuture<'static, Vec<Result<Position, TransportError>>>,
    results: Results,
    replies: Vec<(usize, oneshot::Sender<Results>)>,
}

/// A batch, with the results of the send if it has completed.
pub(super) struct BatchPoll(Batch, Option<Vec<Result<Position, TransportError>>>);

impl DeadLetters {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self { producer: RedisProducer::start(config), pending: FuturesUnordered::new() }
    }
}

impl Batch {
    /// Waits up to `limit` for the send.
    async fn wait(mut self, limit: Duration) -> BatchPoll {
        let stored = timeout(limit, &mut self.stored).await.ok();
        BatchPoll(self, stored)
    }
}

/// The number of fields and the approximate size of the dead letters among these outcomes.
pub(super) fn weight(settlements: &[Settlement]) -> (usize, usize) {
    settlements.iter().fold((0, 0), |(fields, bytes), settlement| match &settlement.outcome {
        Outcome::Reject(dead_letter) => (fields + dead_letter.headers.len() + 3, bytes + dead_letter.size()),
        _ => (fields, bytes),
    })
}

impl Worker {
    /// Whether dead letters are being sent.
    pub(super) fn has_pending_dead_letters(&self) -> bool {
        !self.dead_letters.pending.is_empty()
    }

    /// Waits until a batch was sent or its leases must be renewed; forever if there is none. Cancel-safe.
    pub(super) async fn next_dead_letters(&mut self) -> BatchPoll {
        match self.dead_letters.pending.next().await {
            Some(batch) => batch,
            None => std::future::pending().await,
        }
    }

    /// Stores the outcomes, and starts sending the dead letters among them.
    pub(super) async fn send_dead_letters(&mut self, SettleBatch { settlements, replies }: SettleBatch) {
        let mut results: Results = settlements.iter().map(|_| Ok(())).collect();
        let (mut receipts, mut rejections, mut others, mut indices) = (vec![], vec![], vec![], vec![]);
        for (index, Settlement { receipt, outcome, .. }) in settlements.into_iter().enumerate() {
            match outcome {
                Outcome::Reject(dead_letter) => {
                    receipts.push(receipt);
                    rejections.push((index, *dead_letter));
                }
                outcome => {
                    others.push(Settlement::new(receipt, outcome));
                    indices.push(index);
                }
            }
        }
        for (index, result) in indices.into_iter().zip(self.store(others).await) {
            results[index] = result;
        }
        // Renew the leases, since the send takes time. If a lease was lost, the message and its dead letter
        // belong to another consumer.
        let renewed = self.renew(&receipts).await;
        let (mut rejected, mut dead_letters) = (vec![], vec![]);
        for (((index, dead_letter), receipt), renewed) in rejections.into_iter().zip(receipts).zip(renewed) {
            if renewed.is_ok() {
                rejected.push((index, receipt));
                dead_letters.push(dead_letter);
            } else {
                self.note_requeued();
                self.released.add(receipt.key);
                results[index] = renewed;
            }
        }
        let stored = self.dead_letters.producer.send(&self.member.dead_letter_topic, &dead_letters);
        self.keep_waiting(Batch { rejected, stored, results, replies });
    }

    fn keep_waiting(&self, batch: Batch) {
        let limit = (self.member.lease / 3).max(MIN_RENEWAL_INTERVAL);
        self.dead_letters.pending.push(Box::pin(batch.wait(limit)));
    }

    /// Acknowledges messages whose dead letters are stored. If the send is not complete, renews the leases
    /// and waits again. If a dead letter could not be stored, its message is redelivered a lease later, which
    /// does not count as an attempt.
    pub(super) async fn finish_dead_letters(&mut self, BatchPoll(mut batch, stored): BatchPoll) {
        let Some(stored) = stored else {
            let receipts: Vec<Receipt> = batch.rejected.iter().map(|(_, receipt)| receipt.clone()).collect();
            // A lost lease is reported by the acknowledgement.
            drop(self.renew(&receipts).await);
            return self.keep_waiting(batch);
        };
        let (mut acked, mut indices, mut parked) = (vec![], vec![], vec![]);
        for ((index, receipt), stored) in batch.rejected.into_iter().zip(stored) {
            match stored {
                Ok(_) => {
                    acked.push(Settlement::new(receipt, Outcome::Ack));
                    indices.push(index);
                }
                Err(error) => {
                    batch.results[index] = Err(error);
                    self.note_requeued();
                    self.released.add(receipt.key.clone());
                    parked.push(receipt);
                }
            }
        }
        for (index, result) in indices.into_iter().zip(self.store_and_park(acked, parked).await) {
            batch.results[index] = result;
        }
        reply_all(batch.results, batch.replies);
    }
}
