//! Settles the deliveries of one topic of a consumer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::client::Place;
use super::dead_letters::DeadLetters;
use super::member::{Member, Stored};
use super::partition::{Lease, Now, Requeue};
use super::transactions::{Acknowledged, Transactions};
use events_support::error_chain::chain;
use events_transport::{
    BoxFuture, ErrorKind, Message, Outcome, Position, Receipt, Settle, Settlement, Topic, TransportError,
};

/// How long a message waits whose dead letter could not be stored.
const DEAD_LETTER_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Acker {
    member: Arc<Member>,
    /// The index of the topic.
    topic: usize,
    dead_letter_topic: Topic,
    dead_letters: Arc<DeadLetters>,
    transactions: Arc<Transactions>,
}

/// What one outcome waits for.
enum Wait {
    Done(Stored),
    /// The commit of this message.
    Commit(oneshot::Receiver<Stored>, Place, u64),
    /// The commit after a dead letter.
    DeadLetter(BoxFuture<'static, Stored>),
}

impl Acker {
    pub(super) const fn new(
        member: Arc<Member>,
        topic: usize,
        dead_letter_topic: Topic,
        dead_letters: Arc<DeadLetters>,
        transactions: Arc<Transactions>,
    ) -> Self {
        Self { member, topic, dead_letter_topic, dead_letters, transactions }
    }

    fn at(&self, receipt: &Receipt) -> Option<(Place, u64)> {
        match receipt.position {
            Position::Record { partition, offset } => Some((Place { topic: self.topic, partition }, offset)),
            _ => None,
        }
    }

    fn apply(&self, settlement: Settlement) -> Wait {
        let Settlement { receipt, outcome, .. } = settlement;
        let Some((place, offset)) = self.at(&receipt) else {
            return Wait::Done(Err(self.member.closed("settle")));
        };
        let mut state = self.member.state();
        let applied = match outcome {
            Outcome::Ack => state.settle(place, offset, receipt.token),
            Outcome::Retry(after) => state.requeue(place, offset, receipt.token, Requeue::Counted(after)),
            Outcome::Release => {
                state.requeue(place, offset, receipt.token, Requeue::Uncounted(Duration::ZERO))
            }
            Outcome::Postpone(after) => {
                state.requeue(place, offset, receipt.token, Requeue::Uncounted(after))
            }
            Outcome::AckWith(outputs) => {
                let left = state.leave(place, offset, receipt.token);
                drop(state);
                return match left {
                    Ok(()) => {
                        Wait::Commit(self.transact(place, offset, receipt.token, outputs), place, offset)
                    }
                    Err(_) => Wait::Done(Err(self.member.lost("settle", place, offset))),
                };
            }
            Outcome::Reject(letter) => {
                let left = state.leave(place, offset, receipt.token);
                drop(state);
                return match left {
                    Ok(()) => Wait::DeadLetter(self.reject(place, offset, receipt.token, *letter)),
                    Err(_) => Wait::Done(Err(self.member.lost("settle", place, offset))),
                };
            }
        };
        if applied.is_err() {
            return Wait::Done(Err(self.member.lost("settle", place, offset)));
        }
        match state.committed(place) {
            Some(answer) => Wait::Commit(answer, place, offset),
            None => Wait::Done(Ok(())),
        }
    }

    /// Stores outputs with the acknowledgement of their message.
    fn transact(
        &self,
        place: Place,
        offset: u64,
        claim: u64,
        outputs: Vec<(Topic, Message)>,
    ) -> oneshot::Receiver<Stored> {
        let (reply, answer) = oneshot::channel();
        let since = Instant::now();
        self.transactions.add(Acknowledged { place, offset, claim, outputs, since, reply: Some(reply) });
        answer
    }

    /// Stores a dead letter, then settles its message. The worker finishes this if the future is dropped.
    fn reject(&self, place: Place, offset: u64, claim: u64, letter: Message) -> BoxFuture<'static, Stored> {
        let member = Arc::clone(&self.member);
        let stored = self.dead_letters.send(&self.dead_letter_topic, letter);
        let settled = async move {
            let stored = stored.await;
            let mut state = member.state();
            match stored {
                Ok(()) if state.settle(place, offset, claim).is_ok() => Ok(state.committed(place)),
                // The dead letter is stored, and the message is rejected again: a duplicate with the same id.
                Ok(()) => {
                    drop(state);
                    Err(member.lost("settle", place, offset))
                }
                Err(error) => {
                    tracing::warn!(
                        error = chain(&error),
                        offset,
                        "a dead letter was not stored: its message is delivered again"
                    );
                    let again = Requeue::Uncounted(DEAD_LETTER_PAUSE);
                    // Its partition may belong to another member now.
                    let _ = state.requeue(place, offset, claim, again);
                    Err(error)
                }
            }
            .map(|answer| Arc::new(std::sync::Mutex::new(answer)))
        };
        let settled = settled.boxed().shared();
        self.dead_letters.finish(settled.clone().map(drop).boxed());
        let member = Arc::clone(&self.member);
        Box::pin(async move {
            let answer = settled.await?;
            let answer = answer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            match answer {
                Some(answer) => {
                    member.commit(&mut member.state());
                    committed(&member, answer, place, offset).await
                }
                None => Ok(()),
            }
        })
    }
}

/// Waits for the commit of a message.
async fn committed(member: &Member, answer: oneshot::Receiver<Stored>, place: Place, offset: u64) -> Stored {
    match answer.await {
        Ok(Err(error)) if error.kind() != ErrorKind::LeaseLost => Err(error),
        Ok(Ok(())) => Ok(()),
        // The partition was returned or lost before.
        Ok(Err(_)) | Err(_) => Err(member.lost("settle", place, offset)),
    }
}

impl Settle for Acker {
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'static, Vec<Stored>> {
        let mut waits = Vec::with_capacity(settlements.len());
        for settlement in settlements {
            waits.push(self.apply(settlement));
        }
        self.member.wake.notify_one();
        let member = Arc::clone(&self.member);
        Box::pin(async move {
            // Outcomes that nobody waits for are committed a little later, together.
            if waits.iter().any(|wait| matches!(wait, Wait::Commit(..))) {
                member.commit(&mut member.state());
            }
            let mut results = Vec::with_capacity(waits.len());
            for wait in waits {
                results.push(match wait {
                    Wait::Done(stored) => stored,
                    Wait::Commit(answer, place, offset) => committed(&member, answer, place, offset).await,
                    Wait::DeadLetter(stored) => stored.await,
                });
            }
            results
        })
    }

    fn abandon(&self, receipt: Receipt) {
        if let Some((place, offset)) = self.at(&receipt) {
            let again = Requeue::Counted(Duration::ZERO);
            // If the lease was lost, the message is delivered again already.
            let _ = self.member.state().requeue(place, offset, receipt.token, again);
            self.member.wake.notify_one();
        }
    }

    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        let now = Now::new();
        let renewed = receipts
            .iter()
            .map(|receipt| {
                let Some((place, offset)) = self.at(receipt) else {
                    return Err(self.member.closed("renew"));
                };
                let lease = Lease { claim: receipt.token, length: self.member.lease };
                let renewed = self.member.state().renew(place, offset, lease, now);
                renewed.map_err(|_| self.member.lost("renew", place, offset))
            })
            .collect();
        Box::pin(std::future::ready(renewed))
    }
}
