//! Receives messages and stores their outcomes.

use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use events_runtime::transport::{
    BoxFuture, Consumer, ConsumerGroup, Delivery, Outcome, Position, Receipt, Recipient, Settle, Settlement,
    Subscription, Topic, TransportError,
};

use super::group::{Claim, Group, Returned};
use super::store::{Locked, Store};
use super::{POLL, failed, millis, offset};

pub(super) struct FolderConsumer {
    member: Arc<Member>,
    recipient: Arc<Recipient>,
}

/// A member of a group.
struct Member {
    store: Arc<Store>,
    number: u64,
    topic: Topic,
    group: ConsumerGroup,
    dead_letters: Topic,
    lease: Duration,
}

impl FolderConsumer {
    pub(super) fn join(store: &Arc<Store>, subscription: &Subscription) -> Result<Self, TransportError> {
        const OPERATION: &str = "subscribe to";
        let Subscription { topic, group, start, lease, .. } = subscription;
        let join = |store: &Locked| {
            store.create(topic)?;
            if store.group(topic, group)?.is_none() {
                match offset(store, OPERATION, topic, start)? {
                    Ok(offset) => store.save(topic, group, &Group::at(offset))?,
                    Err(error) => return Ok(Err(error)),
                }
            }
            store.next_number().map(Ok)
        };
        let number = store.lock().and_then(|locked| join(&locked)).map_err(failed(OPERATION, topic))??;
        let member = Arc::new(Member {
            store: Arc::clone(store),
            number,
            topic: topic.clone(),
            group: group.clone(),
            dead_letters: subscription.dead_letter_topic()?,
            lease: *lease,
        });
        let recipient = Recipient::new(topic.clone(), group.clone(), Arc::<Member>::clone(&member));
        Ok(Self { member, recipient: Arc::new(recipient) })
    }
}

impl Consumer for FolderConsumer {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(async move {
            let deadline = Instant::now().checked_add(wait);
            loop {
                // Nothing is awaited between the claim and the return, so dropping the future loses nothing.
                let deliveries = self.member.claim(&self.recipient, max)?;
                let left =
                    deadline.map_or(POLL, |deadline| deadline.saturating_duration_since(Instant::now()));
                if !deliveries.is_empty() || max == 0 || left.is_zero() {
                    return Ok(deliveries);
                }
                tokio::time::sleep(left.min(POLL)).await;
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        Box::pin(ready(Ok(())))
    }
}

impl Member {
    fn until(&self) -> u64 {
        SystemTime::now().checked_add(self.lease).map_or(u64::MAX, millis)
    }

    fn claim(&self, recipient: &Arc<Recipient>, max: usize) -> Result<Vec<Delivery>, TransportError> {
        const OPERATION: &str = "receive from";
        let Self { topic, group: name, .. } = self;
        let claim = |store: &Locked| {
            let Some(mut group) = store.group(topic, name)? else {
                return Ok(Err(TransportError::no_group(OPERATION, topic, name)));
            };
            let now = millis(SystemTime::now());
            let claim =
                Claim { member: self.number, number: store.next_number()?, max, now, until: self.until() };
            let key_of = |number| Ok(store.read(topic, number)?.0.key.map(|key| key.to_vec()));
            let mut deliveries = Vec::new();
            let taken = group.claim(&claim, store.last(topic)?, key_of)?;
            store.save(topic, name, &group)?;
            for (number, attempt) in taken {
                let (message, time) = store.read(topic, number)?;
                let position = Position::Sequence(number);
                let recipient = Arc::clone(recipient);
                deliveries.push(Delivery::new(message, position, attempt, time, claim.number, recipient));
            }
            Ok(Ok(deliveries))
        };
        self.store.lock().and_then(|locked| claim(&locked)).map_err(failed(OPERATION, topic))?
    }

    /// Changes the group for each receipt. `change` returns whether the claim still held the message.
    fn change<T>(
        &self,
        operation: &'static str,
        receipts: Vec<(Receipt, T)>,
        change: impl Fn(&Locked, &mut Group, u64, u64, T) -> io::Result<bool>,
    ) -> Vec<Result<(), TransportError>> {
        let Self { topic, group: name, .. } = self;
        let all: Vec<Position> = receipts.iter().map(|(receipt, _)| receipt.position).collect();
        let lost = |position| TransportError::lease_lost(operation, topic, name, position);
        let changed = |store: &Locked| {
            let Some(mut group) = store.group(topic, name)? else {
                return Ok(all.iter().map(|position| Err(lost(*position))).collect());
            };
            let mut results = Vec::new();
            for (receipt, what) in receipts {
                let held = match receipt.position {
                    Position::Sequence(number) => change(store, &mut group, number, receipt.token, what)?,
                    _ => false,
                };
                results.push(if held { Ok(()) } else { Err(lost(receipt.position)) });
            }
            store.save(topic, name, &group)?;
            Ok(results)
        };
        self.store.lock().and_then(|locked| changed(&locked)).unwrap_or_else(|error| {
            let error = failed(operation, topic)(error);
            all.iter().map(|_| Err(error.clone())).collect()
        })
    }
}

impl Settle for Member {
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        let receipts = settlements.into_iter().map(|one| (one.receipt, one.outcome)).collect();
        let not_before = |after| SystemTime::now().checked_add(after).map_or(u64::MAX, millis);
        let results = self.change("settle", receipts, |store, group, number, claim, outcome| {
            Ok(match outcome {
                Outcome::Ack => group.settle(number, claim),
                Outcome::Retry(after) => {
                    group.give_back(number, claim, &Returned::Counted(not_before(after)))
                }
                // Outputs are not stored here: the bus does not ask for them without `Capability::transactions`.
                Outcome::Release | Outcome::AckWith(_) => {
                    group.give_back(number, claim, &Returned::Uncounted(0))
                }
                Outcome::Postpone(after) => {
                    group.give_back(number, claim, &Returned::Uncounted(not_before(after)))
                }
                Outcome::Reject(letter) => {
                    let held = group.settle(number, claim);
                    if held {
                        // Stored before the group is: a crash between leaves a duplicate, and loses nothing.
                        let _ = store.append(&self.dead_letters, &letter)?;
                    }
                    held
                }
            })
        });
        Box::pin(ready(results))
    }

    fn abandon(&self, receipt: Receipt) {
        drop(self.settle(vec![Settlement::retry(receipt, Duration::ZERO)]));
    }

    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        let receipts = receipts.into_iter().map(|receipt| (receipt, ())).collect();
        let until = self.until();
        let results = self
            .change("renew", receipts, |_, group, number, claim, ()| Ok(group.renew(number, claim, until)));
        Box::pin(ready(results))
    }
}
