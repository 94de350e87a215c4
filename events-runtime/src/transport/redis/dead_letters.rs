//! Dead letters of a cluster, and those that are too large for a script. In a cluster their topic is on
//! another node than the message, and Lua can't hand on thousands of fields, so the letter and the
//! acknowledgement are two steps: the letter first, so that neither is ever lost. A member that dies
//! between them leaves a letter of a message that comes again.
//!
//! A letter is sent beside the member's other calls, for its node may be away while the messages' is not.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::super::{BoxFuture, Outcome, Position, Producer as _, Receipt, Settlement, TransportError};
use super::config::Config;
use super::producer::RedisProducer;
use super::settle::{SettleBatch, reply_all};
use super::worker::{Results, Worker};

/// However short a lease is, it is not renewed more often.
const MIN_RENEWAL_INTERVAL: Duration = Duration::from_millis(50);

/// The dead letters of one member.
pub(super) struct DeadLetters {
    producer: RedisProducer,
    pending: FuturesUnordered<BoxFuture<'static, BatchPoll>>,
}

/// Letters that were sent together, and what was told with them.
struct Batch {
    /// The messages that are the member's still, each with the place of its result.
    rejected: Vec<(usize, Receipt)>,
    stored: BoxFuture<'static, Vec<Result<Position, TransportError>>>,
    results: Results,
    replies: Vec<(usize, oneshot::Sender<Results>)>,
}

/// A batch, and its fate, where that is known.
pub(super) struct BatchPoll(Batch, Option<Vec<Result<Position, TransportError>>>);

impl DeadLetters {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self { producer: RedisProducer::start(config), pending: FuturesUnordered::new() }
    }
}

impl Batch {
    /// Waits for the letters to be stored, but not longer than this.
    async fn wait(mut self, pause: Duration) -> BatchPoll {
        let stored = timeout(pause, &mut self.stored).await.ok();
        BatchPoll(self, stored)
    }
}

/// How many fields, and about how many bytes, the dead letters among these have.
pub(super) fn weight(settlements: &[Settlement]) -> (usize, usize) {
    settlements.iter().fold((0, 0), |(fields, bytes), settlement| match &settlement.outcome {
        Outcome::Reject(dead_letter) => (fields + dead_letter.headers.len() + 3, bytes + dead_letter.size()),
        _ => (fields, bytes),
    })
}

impl Worker {
    /// Whether letters are on their way.
    pub(super) fn has_pending_dead_letters(&self) -> bool {
        !self.dead_letters.pending.is_empty()
    }

    /// Waits until something is to be done for letters; for ever where none is on its way. Dropping the wait
    /// loses nothing.
    pub(super) async fn next_dead_letters(&mut self) -> BatchPoll {
        match self.dead_letters.pending.next().await {
            Some(awaited) => awaited,
            None => std::future::pending().await,
        }
    }

    /// Sends the dead letters among these outcomes, and stores the others.
    pub(super) async fn send_dead_letters(&mut self, SettleBatch { settlements, replies }: SettleBatch) {
        let producer = self.dead_letters.producer.clone();
        let mut results: Results = settlements.iter().map(|_| Ok(())).collect();
        let (mut receipts, mut rejections, mut others, mut indices) = (vec![], vec![], vec![], vec![]);
        for (index, Settlement { receipt, outcome }) in settlements.into_iter().enumerate() {
            match outcome {
                Outcome::Reject(dead_letter) => {
                    receipts.push(receipt);
                    rejections.push((index, *dead_letter));
                }
                outcome => {
                    others.push(Settlement { receipt, outcome });
                    indices.push(index);
                }
            }
        }
        for (index, result) in indices.into_iter().zip(self.store(others).await) {
            results[index] = result;
        }
        // A lease that was lost meanwhile is another member's, and so is the letter; one that is held
        // begins anew, for storing takes its time.
        let renewed = self.renew(&receipts).await;
        let (mut rejected, mut dead_letters) = (vec![], vec![]);
        for (((index, dead_letter), receipt), renewed) in rejections.into_iter().zip(receipts).zip(renewed) {
            if renewed.is_ok() {
                rejected.push((index, receipt));
                dead_letters.push(dead_letter);
            } else {
                self.released.add(receipt.key);
                results[index] = renewed;
            }
        }
        let stored = producer.send(&self.member.dead_letter_topic, &dead_letters);
        self.keep_waiting(Batch { rejected, stored, results, replies });
    }

    fn keep_waiting(&self, batch: Batch) {
        let pause = (self.member.lease / 3).max(MIN_RENEWAL_INTERVAL);
        self.dead_letters.pending.push(Box::pin(batch.wait(pause)));
    }

    /// Acknowledges the messages of stored letters; keeps the leases of those whose letters are still on their
    /// way. A message whose letter could not be stored comes again a lease later, for the letter to be tried
    /// again: that is no attempt of the receivers.
    pub(super) async fn finish_dead_letters(&mut self, BatchPoll(mut batch, stored): BatchPoll) {
        let Some(stored) = stored else {
            let receipts: Vec<Receipt> = batch.rejected.iter().map(|(_, receipt)| receipt.clone()).collect();
            // One that was lost shows when it is acknowledged.
            drop(self.renew(&receipts).await);
            return self.keep_waiting(batch);
        };
        let (mut acked, mut indices, mut parked) = (vec![], vec![], vec![]);
        for ((index, receipt), stored) in batch.rejected.into_iter().zip(stored) {
            match stored {
                Ok(_) => {
                    acked.push(Settlement { receipt, outcome: Outcome::Ack });
                    indices.push(index);
                }
                Err(error) => {
                    batch.results[index] = Err(error);
                    self.released.add(receipt.key.clone());
                    parked.push(receipt);
                }
            }
        }
        for (index, told) in indices.into_iter().zip(self.store_and_park(acked, parked).await) {
            batch.results[index] = told;
        }
        reply_all(batch.results, batch.replies);
    }
}
