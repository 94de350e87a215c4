//! Settles the deliveries of one topic of a consumer, or of one of its retry topics.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::client::Place;
use super::member::{Member, State, Stored};
use super::moves::Moves;
use super::partition::{Lease, Now, Record, Requeue};
use super::registry::Registry;
use super::retry_topics::RetryTopics;
use super::retry_topics::headers::{self, Retried};
use super::transactions::{Acknowledged, Transactions};
use events_support::error_chain::chain;
use events_transport::{
    BoxFuture, ErrorKind, Message, Outcome, Position, Receipt, Settle, Settlement, Topic, TransportError,
};

/// How long a message waits whose dead letter could not be stored.
const DEAD_LETTER_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Acker {
    /// The index of the topic.
    pub(super) topic: usize,
    pub(super) of: Arc<AckerOf>,
}

/// What the deliveries of a topic and of its retry topics share.
pub(super) struct AckerOf {
    pub(super) member: Arc<Member>,
    /// The topic.
    pub(super) topic: Topic,
    pub(super) dead_letter_topic: Topic,
    pub(super) retry_topics: RetryTopics,
    /// Whether messages that are retried leave their topic within a transaction.
    pub(super) is_transactional: bool,
    pub(super) moves: Arc<Moves>,
    pub(super) transactions: Arc<Transactions>,
    pub(super) registry: Option<Arc<Registry>>,
}

/// What one outcome waits for.
enum Wait {
    Done(Stored),
    /// The commit of the acknowledged messages of a partition, by its index in the batch.
    Together(usize, Place, u64),
    /// The commit of this message.
    Commit(oneshot::Receiver<Stored>, Place, u64),
    /// The commit after a message was stored in another topic.
    Move(BoxFuture<'static, Stored>),
}

/// Outcomes that are applied together.
struct Batch<'m> {
    member: &'m Member,
    state: Option<MutexGuard<'m, State>>,
    /// The partitions with acknowledged messages.
    acked: Vec<Place>,
}

impl<'m> Batch<'m> {
    const fn of(member: &'m Member) -> Self {
        Self { member, state: None, acked: Vec::new() }
    }

    /// The state, locked until [`unlock`](Self::unlock).
    fn state(&mut self) -> &mut State {
        self.state.get_or_insert_with(|| self.member.state())
    }

    fn unlock(&mut self) {
        self.state = None;
    }

    fn ack(&mut self, place: Place, offset: u64, claim: u64) -> Wait {
        if self.state().settle(place, offset, claim).is_err() {
            return Wait::Done(Err(self.member.lost("settle", place, offset)));
        }
        let known = self.acked.iter().position(|acked| *acked == place);
        let index = known.unwrap_or_else(|| {
            self.acked.push(place);
            self.acked.len() - 1
        });
        Wait::Together(index, place, offset)
    }

    /// The commits of the acknowledged messages, one for each partition; `None` if they are committed already.
    fn commits(mut self) -> Vec<(Place, Option<oneshot::Receiver<Stored>>)> {
        let acked = std::mem::take(&mut self.acked);
        acked.into_iter().map(|place| (place, self.state().committed(place))).collect()
    }
}

/// What becomes of a message that could not be stored in another topic.
#[derive(Debug, Clone, Copy)]
enum Otherwise {
    /// It is rejected again after a pause, and the outcome fails.
    RejectAgain,
    /// It waits in its topic until this time, in milliseconds since 1970.
    WaitUntil(u64),
}

impl Acker {
    fn at(&self, receipt: &Receipt) -> Option<(Place, u64)> {
        match receipt.position {
            Position::Record { partition, offset } => Some((Place { topic: self.topic, partition }, offset)),
            _ => None,
        }
    }

    fn member(&self) -> &Arc<Member> {
        &self.of.member
    }

    fn apply(&self, settlement: Settlement, batch: &mut Batch<'_>) -> Wait {
        let Settlement { receipt, outcome, .. } = settlement;
        let Some((place, offset)) = self.at(&receipt) else {
            return Wait::Done(Err(self.member().closed("settle")));
        };
        let claim = receipt.token;
        let applied = match outcome {
            Outcome::Ack => return batch.ack(place, offset, claim),
            Outcome::Retry(after) => match self.of.retry_topics.of(after) {
                None => batch.state().requeue(place, offset, claim, Requeue::Counted(after)),
                Some(topic) => {
                    let held = batch.state().held(place, offset, claim);
                    let left = batch.state().leave(place, offset, claim);
                    batch.unlock();
                    return match (left, held) {
                        (Ok(()), Some(held)) => self.retry(place, offset, claim, topic, held, after),
                        _ => Wait::Done(Err(self.member().lost("settle", place, offset))),
                    };
                }
            },
            Outcome::Release => {
                batch.state().requeue(place, offset, claim, Requeue::Uncounted(Duration::ZERO))
            }
            Outcome::Postpone(after) => {
                batch.state().requeue(place, offset, claim, Requeue::Uncounted(after))
            }
            Outcome::AckWith(outputs) => {
                let left = batch.state().leave(place, offset, claim);
                batch.unlock();
                return match left {
                    Ok(()) => Wait::Commit(self.transact(place, offset, claim, outputs, None), place, offset),
                    Err(_) => Wait::Done(Err(self.member().lost("settle", place, offset))),
                };
            }
            Outcome::Reject(letter) => {
                let left = batch.state().leave(place, offset, claim);
                batch.unlock();
                let topic = &self.of.dead_letter_topic;
                return match left {
                    Ok(()) => Wait::Move(self.leave_for(
                        topic,
                        *letter,
                        (place, offset, claim),
                        Otherwise::RejectAgain,
                    )),
                    Err(_) => Wait::Done(Err(self.member().lost("settle", place, offset))),
                };
            }
        };
        if applied.is_err() {
            return Wait::Done(Err(self.member().lost("settle", place, offset)));
        }
        match batch.state().committed(place) {
            Some(answer) => Wait::Commit(answer, place, offset),
            None => Wait::Done(Ok(())),
        }
    }

    /// Stores a message in a retry topic, then settles it.
    fn retry(
        &self,
        place: Place,
        offset: u64,
        claim: u64,
        topic: &Topic,
        (record, attempts): (Record, u32),
        after: Duration,
    ) -> Wait {
        let due = Now::new().later(after);
        let stored = Retried {
            position: record.position(place.partition, offset),
            stored: record.stored(),
            attempts,
            due,
        };
        let message = match &self.of.registry {
            Some(registry) => registry.refreshed(record.message),
            None => record.message,
        };
        let message = headers::write(message, &self.of.topic, &self.member().group, stored);
        if self.of.is_transactional {
            let outputs = vec![(topic.clone(), message)];
            let again = Some(Requeue::Counted(after));
            return Wait::Commit(self.transact(place, offset, claim, outputs, again), place, offset);
        }
        Wait::Move(self.leave_for(topic, message, (place, offset, claim), Otherwise::WaitUntil(due)))
    }

    /// Stores outputs with the acknowledgement of their message. If they can't be stored, the message is returned as
    /// `again` says.
    fn transact(
        &self,
        place: Place,
        offset: u64,
        claim: u64,
        outputs: Vec<(Topic, Message)>,
        again: Option<Requeue>,
    ) -> oneshot::Receiver<Stored> {
        let (reply, answer) = oneshot::channel();
        let since = Instant::now();
        self.of.transactions.add(Acknowledged {
            place,
            offset,
            claim,
            outputs,
            again,
            since,
            reply: Some(reply),
        });
        answer
    }

    /// Stores a message in another topic, then settles it. The worker finishes this if the future is dropped.
    fn leave_for(
        &self,
        topic: &Topic,
        message: Message,
        (place, offset, claim): (Place, u64, u64),
        otherwise: Otherwise,
    ) -> BoxFuture<'static, Stored> {
        let member = Arc::clone(self.member());
        let stored = self.of.moves.send(topic, message);
        let topic = topic.clone();
        let settled = async move {
            let stored = stored.await;
            let mut state = member.state();
            match (stored, otherwise) {
                (Ok(()), _) if state.settle(place, offset, claim).is_ok() => Ok(state.committed(place)),
                // It is stored, and will be again: a duplicate with the same id.
                (Ok(()), _) => {
                    drop(state);
                    Err(member.lost("settle", place, offset))
                }
                (Err(error), Otherwise::RejectAgain) => {
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
                (Err(error), Otherwise::WaitUntil(due)) => {
                    tracing::warn!(
                        error = chain(&error),
                        %topic,
                        offset,
                        "a message was not stored in its retry topic: it waits in its own, and holds back its key"
                    );
                    let left = Duration::from_millis(due.saturating_sub(Now::new().millis));
                    if state.requeue(place, offset, claim, Requeue::Counted(left)).is_ok() {
                        Ok(state.committed(place))
                    } else {
                        drop(state);
                        Err(member.lost("settle", place, offset))
                    }
                }
            }
            .map(|answer| Arc::new(std::sync::Mutex::new(answer)))
        };
        let settled = settled.boxed().shared();
        self.of.moves.finish(settled.clone().map(drop).boxed());
        let member = Arc::clone(self.member());
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
        Ok(stored) => of_message(member, stored, place, offset),
        Err(_) => Err(member.lost("settle", place, offset)),
    }
}

/// The result of a commit for one of its messages.
fn of_message(member: &Member, stored: Stored, place: Place, offset: u64) -> Stored {
    match stored {
        // The partition was returned or lost before.
        Err(error) if error.kind() == ErrorKind::LeaseLost => Err(member.lost("settle", place, offset)),
        stored => stored,
    }
}

impl Settle for Acker {
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'static, Vec<Stored>> {
        let mut waits = Vec::with_capacity(settlements.len());
        let mut batch = Batch::of(self.member());
        for settlement in settlements {
            waits.push(self.apply(settlement, &mut batch));
        }
        let commits = batch.commits();
        self.member().wake.notify_one();
        let member = Arc::clone(self.member());
        Box::pin(async move {
            // Outcomes that nobody waits for are committed a little later, together.
            if !commits.is_empty() || waits.iter().any(|wait| matches!(wait, Wait::Commit(..))) {
                member.commit(&mut member.state());
            }
            let mut together = Vec::with_capacity(commits.len());
            for (place, commit) in commits {
                together.push(match commit {
                    None => Ok(()),
                    Some(answer) => answer.await.unwrap_or_else(|_| Err(member.lost("settle", place, 0))),
                });
            }
            let mut results = Vec::with_capacity(waits.len());
            for wait in waits {
                results.push(match wait {
                    Wait::Done(stored) => stored,
                    Wait::Together(index, place, offset) => {
                        let stored = together.get(index).cloned();
                        let stored = stored.unwrap_or_else(|| Err(member.lost("settle", place, offset)));
                        of_message(&member, stored, place, offset)
                    }
                    Wait::Commit(answer, place, offset) => committed(&member, answer, place, offset).await,
                    Wait::Move(stored) => stored.await,
                });
            }
            results
        })
    }

    fn abandon(&self, receipt: Receipt) {
        if let Some((place, offset)) = self.at(&receipt) {
            let again = Requeue::Counted(Duration::ZERO);
            // If the lease was lost, the message is delivered again already.
            let _ = self.member().state().requeue(place, offset, receipt.token, again);
            self.member().wake.notify_one();
        }
    }

    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        let now = Now::new();
        let renewed = receipts
            .iter()
            .map(|receipt| {
                let Some((place, offset)) = self.at(receipt) else {
                    return Err(self.member().closed("renew"));
                };
                let lease = Lease { claim: receipt.token, length: self.member().lease };
                let renewed = self.member().state().renew(place, offset, lease, now);
                renewed.map_err(|_| self.member().lost("renew", place, offset))
            })
            .collect();
        Box::pin(std::future::ready(renewed))
    }
}
