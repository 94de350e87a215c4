//! A consumer: one member of a group.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::acker::Acker;
use super::claim::{self, Claim, Claimed, Request};
use super::connection::Database;
use super::error::TxnError;
use super::poison::ClaimEnd;
use super::row::{self, Stored, length, millis};
use super::settle::Member;
use events_transport::{
    BoxFuture, Consumer, Delivery, ErrorKind, Outcome, Position, Receipt, Recipient, Settle as _, Settlement,
    Subscription, TransportError,
};

pub(super) struct SqliteConsumer {
    acker: Arc<Acker>,
    recipient: Arc<Recipient>,
    changes: watch::Receiver<u64>,
    lease: i64,
    subscription: Subscription,
}

impl SqliteConsumer {
    pub(super) async fn subscribe(
        database: Arc<Database>,
        subscription: Subscription,
    ) -> Result<Self, TransportError> {
        let lease = length(subscription.lease);
        let (acker, recipient) = Self::join(database, &subscription).await?;
        let changes = acker.database.changes(acker.member.id.topic);
        Ok(Self { acker, recipient, changes, lease, subscription })
    }

    /// Joins the group in the currently open file, as a new member.
    async fn join(
        database: Arc<Database>,
        subscription: &Subscription,
    ) -> Result<(Arc<Acker>, Arc<Recipient>), TransportError> {
        let dead_letter_topic = subscription.dead_letter_topic()?;
        let Subscription { topic, group, start, .. } = subscription.clone();
        let (names, marked) = ((topic.clone(), group.clone()), dead_letter_topic.clone());
        let identity = database.identity().clone();
        let joining = database.write("subscribe to", move |txn| {
            txn.mark_dead_letter_topic(&marked)?;
            Ok((txn.join(&names.0, &names.1, &start)?, identity.generation()))
        });
        let (id, generation) = joining.await?;
        // Random and non-negative; globally unique.
        let (_, random) = uuid::Uuid::now_v7().as_u64_pair();
        let number = (random >> 1).cast_signed();
        let member = Member { number, id, topic: topic.clone(), group: group.clone(), dead_letter_topic };
        let acker = Arc::new(Acker { database, member, generation });
        let recipient = Arc::new(Recipient::new(topic, group, acker.clone()));
        Ok((acker, recipient))
    }

    /// Claims messages. `guard` returns the claim if the caller is cancelled.
    async fn claim(&self, max: usize, guard: &ClaimGuard) -> Result<Claimed, TransportError> {
        let Member { id, number, .. } = self.acker.member;
        let request = Request { group: id, member: number, max, lease: self.lease };
        let (looked, claimed) = (guard.claim.clone(), guard.claim.clone());
        self.acker
            .database
            .submit(
                "receive from",
                Some(self.acker.generation),
                false,
                move |conn| match claim::peek(conn, &request, millis(SystemTime::now()))? {
                    Some(Claimed::None(due)) => {
                        looked.set(ClaimState::Nothing);
                        Ok(Some(Claimed::None(due)))
                    }
                    _ => Ok(None),
                },
                move |txn| {
                    claimed.set(ClaimState::InProgress);
                    let outcome = txn.claim(&request)?;
                    claimed.set(match &outcome {
                        Claimed::Some(claim) => ClaimState::Claim(claim.id),
                        Claimed::None(_) => ClaimState::Nothing,
                    });
                    Ok(outcome)
                },
                |claimed| claimed,
            )
            .await
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => {
                    let Member { topic, group, .. } = &self.acker.member;
                    TransportError::no_group("receive from", topic, group)
                }
                _ => error,
            })
    }

    /// Reads the messages of a claim.
    async fn deliver(&self, claim: Claim) -> Result<Vec<Delivery>, TransportError> {
        let topic = self.acker.member.id.topic;
        let read = self.acker.database.read("receive from", move |conn| {
            let stored = read_claim(conn, topic, &claim)?;
            Ok((claim, stored))
        });
        let (claim, stored) = read.await?;
        self.forget_missing(&claim, &stored);
        let token = claim.id.cast_unsigned();
        Ok(stored
            .into_iter()
            .map(|(attempt, stored)| {
                let position = Position::Sequence(stored.seq.unsigned_abs());
                Delivery::new(stored.message, position, attempt, stored.time, token, self.recipient.clone())
            })
            .collect())
    }

    /// Acknowledges messages that retention removed between claim and read. Retention has counted them as
    /// dropped.
    fn forget_missing(&self, claim: &Claim, stored: &[(u32, Stored)]) {
        if stored.len() == claim.len() {
            return;
        }
        let there: std::collections::HashSet<i64> = stored.iter().map(|(_, stored)| stored.seq).collect();
        let missing: Vec<_> = claim
            .seqs()
            .filter(|seq| !there.contains(seq))
            .map(|seq| {
                let position = Position::Sequence(seq.unsigned_abs());
                Settlement::new(Receipt::new(position, None, claim.id.cast_unsigned()), Outcome::Ack)
            })
            .collect();
        drop(self.acker.settle(missing));
    }
}

fn read_claim(
    conn: &rusqlite::Connection,
    topic: i64,
    claim: &Claim,
) -> Result<Vec<(u32, Stored)>, TxnError> {
    let mut stored = Vec::with_capacity(claim.len());
    if !claim.redelivered.is_empty() {
        let mut one =
            conn.prepare_cached(&format!("SELECT {} FROM messages_{topic} WHERE seq = ?1", row::COLUMNS))?;
        for (seq, attempt) in &claim.redelivered {
            for found in one.query_map([seq], row::read)? {
                stored.push((*attempt, found?));
            }
        }
    }
    if let Some((first, last)) = claim.fresh {
        let mut run = conn.prepare_cached(&format!(
            "SELECT {} FROM messages_{topic} WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
            row::COLUMNS
        ))?;
        for found in run.query_map([first, last], row::read)? {
            let found = found?;
            if !claim.gaps.contains(&found.seq) {
                stored.push((1, found));
            }
        }
    }
    Ok(stored)
}

/// The state of a claim request.
#[derive(Debug, Clone, Copy)]
enum ClaimState {
    InProgress,
    /// Nothing was claimed.
    Nothing,
    Claim(i64),
}

/// Shared by the request that makes the claim and the one that returns it.
#[derive(Clone)]
struct SharedClaimState(Arc<Mutex<ClaimState>>);

impl SharedClaimState {
    fn set(&self, state: ClaimState) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    fn get(&self) -> ClaimState {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a claim to the group if `receive` is cancelled.
///
/// The drop itself queues the request. It therefore precedes the next claim of this member, which could
/// otherwise receive a later message of a key whose earlier ones are in the lost claim.
struct ClaimGuard {
    claim: SharedClaimState,
    acker: Arc<Acker>,
    /// The caller has received the claim, or that there is none.
    delivered: bool,
}

impl ClaimGuard {
    fn new(acker: &Arc<Acker>) -> Self {
        let claim = SharedClaimState(Arc::new(Mutex::new(ClaimState::InProgress)));
        Self { claim, acker: acker.clone(), delivered: false }
    }
}

impl Drop for ClaimGuard {
    fn drop(&mut self) {
        // Don't look at the state yet: the transaction may still be rolled back and run again.
        if self.delivered {
            return;
        }
        let Member { id, number, .. } = self.acker.member;
        let (looked, claim) = (self.claim.clone(), self.claim.clone());
        drop(self.acker.database.submit(
            "return a claim to",
            Some(self.acker.generation),
            false,
            move |_| Ok(matches!(looked.get(), ClaimState::Nothing).then_some(())),
            move |txn| match claim.get() {
                ClaimState::Claim(claim) => txn.return_claim(id, number, claim, ClaimEnd::Undelivered),
                // The claim request failed.
                ClaimState::InProgress | ClaimState::Nothing => Ok(()),
            },
            |()| (),
        ));
    }
}

impl Consumer for SqliteConsumer {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(async move {
            // No deadline if it exceeds the range of the clock.
            let deadline = Instant::now().checked_add(wait);
            // Before the first request, so that the writer thread polls for writes of other processes.
            let _waiting = self.acker.database.wait_guard();
            loop {
                // Mark as seen before the claim, so that changes during the claim are not missed.
                self.changes.borrow_and_update();
                let database = &self.acker.database;
                if database.identity().generation() != self.acker.generation {
                    let joined = Self::join(database.clone(), &self.subscription).await?;
                    (self.acker, self.recipient) = joined;
                    self.changes = self.acker.database.changes(self.acker.member.id.topic);
                }
                let mut guard = ClaimGuard::new(&self.acker);
                let due = match self.claim(max, &guard).await? {
                    Claimed::Some(claim) => {
                        let deliveries = self.deliver(claim).await?;
                        guard.delivered = true;
                        if !deliveries.is_empty() {
                            return Ok(deliveries);
                        }
                        continue;
                    }
                    Claimed::None(due) => {
                        guard.delivered = true;
                        due
                    }
                };
                if due.is_some_and(|due| due <= millis(SystemTime::now())) {
                    continue;
                }
                if max == 0 || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    return Ok(Vec::new());
                }
                let wake = [due.and_then(from_now), deadline].into_iter().flatten().min();
                let timer = async {
                    match wake {
                        Some(at) => sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    // Never closed: the database, which owns the sender, outlives this consumer.
                    _ = self.changes.changed() => {}
                    () = timer => {}
                }
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        // Completes after all earlier requests.
        self.acker.database.write("leave", |_| Ok(()))
    }
}

/// Converts a time of the file to the runtime's clock.
fn from_now(due: i64) -> Option<Instant> {
    let after = due.saturating_sub(millis(SystemTime::now()));
    Instant::now().checked_add(Duration::from_millis(u64::try_from(after).unwrap_or(0)))
}

impl Claim {
    /// The positions of the claim, redelivered messages first.
    fn seqs(&self) -> impl Iterator<Item = i64> {
        let fresh = self.fresh.into_iter().flat_map(|(first, last)| first..=last);
        self.redelivered.iter().map(|(seq, _)| *seq).chain(fresh.filter(|seq| !self.gaps.contains(seq)))
    }

    fn len(&self) -> usize {
        self.seqs().count()
    }
}
