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
use super::settle::{Requests, tell};
use super::worker::{Results, Worker};

/// However short a lease is, it is not renewed more often.
const RENEWED_AT_MOST_EACH: Duration = Duration::from_millis(50);

/// The dead letters of one member.
pub(super) struct DeadLetters {
    producer: RedisProducer,
    under_way: FuturesUnordered<BoxFuture<'static, Awaited>>,
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
pub(super) struct Awaited(Batch, Option<Vec<Result<Position, TransportError>>>);

impl DeadLetters {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self { producer: RedisProducer::start(config), under_way: FuturesUnordered::new() }
    }
}

impl Batch {
    /// Waits for the letters to be stored, but not longer than this.
    async fn wait(mut self, pause: Duration) -> Awaited {
        let stored = timeout(pause, &mut self.stored).await.ok();
        Awaited(self, stored)
    }
}

/// How many fields, and about how many bytes, the dead letters among these have.
pub(super) fn weight(settlements: &[Settlement]) -> (usize, usize) {
    settlements.iter().fold((0, 0), |(fields, bytes), settlement| match &settlement.outcome {
        Outcome::Reject(letter) => (fields + letter.headers.len() + 3, bytes + letter.size()),
        _ => (fields, bytes),
    })
}

impl Worker {
    /// Whether letters are on their way.
    pub(super) fn awaits_letters(&self) -> bool {
        !self.letters.under_way.is_empty()
    }

    /// Waits until something is to be done for letters; for ever where none is on its way. Dropping the wait
    /// loses nothing.
    pub(super) async fn next_letters(&mut self) -> Awaited {
        match self.letters.under_way.next().await {
            Some(awaited) => awaited,
            None => std::future::pending().await,
        }
    }

    /// Sends the dead letters among these outcomes, and stores the others.
    pub(super) async fn send_letters(&mut self, Requests { settlements, replies }: Requests) {
        let producer = self.letters.producer.clone();
        let mut results: Results = settlements.iter().map(|_| Ok(())).collect();
        let (mut receipts, mut given_up, mut others, mut indices) = (vec![], vec![], vec![], vec![]);
        for (index, Settlement { receipt, outcome }) in settlements.into_iter().enumerate() {
            match outcome {
                Outcome::Reject(letter) => {
                    receipts.push(receipt);
                    given_up.push((index, *letter));
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
        let (mut rejected, mut letters) = (vec![], vec![]);
        for (((index, letter), receipt), renewed) in given_up.into_iter().zip(receipts).zip(renewed) {
            if renewed.is_ok() {
                rejected.push((index, receipt));
                letters.push(letter);
            } else {
                self.released.add(receipt.key);
                results[index] = renewed;
            }
        }
        let stored = producer.send(&self.member.dead_letter, &letters);
        self.wait_for(Batch { rejected, stored, results, replies });
    }

    fn wait_for(&self, batch: Batch) {
        let pause = (self.member.lease / 3).max(RENEWED_AT_MOST_EACH);
        self.letters.under_way.push(Box::pin(batch.wait(pause)));
    }

    /// Acknowledges the messages of stored letters; keeps the leases of those whose letters are still on their
    /// way. A message whose letter could not be stored comes again a lease later, for the letter to be tried
    /// again: that is no attempt of the receivers.
    pub(super) async fn go_on_with(&mut self, Awaited(mut batch, stored): Awaited) {
        let Some(stored) = stored else {
            let receipts: Vec<Receipt> = batch.rejected.iter().map(|(_, receipt)| receipt.clone()).collect();
            // One that was lost shows when it is acknowledged.
            drop(self.renew(&receipts).await);
            return self.wait_for(batch);
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
        tell(batch.results, batch.replies);
    }
}
