//! `memory:`: messages in this process, for tests, development and single-process services.
//!
//! The semantics of `sqlite:` without its durability: leases, order per key, retries and dead
//! letters are the same; messages, groups and progress end with the last handle. `memory:name`
//! shares one store among all handles of that name in the process. A topic keeps its last 10,000
//! settled messages unless a retention says otherwise, one of dead letters all of them
//! (`dead_letter_age=30d`, `dead_letter_count=1000` in the URL's query limit them).

mod group;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use self::store::{Claimed, Member, Store};
use super::options::{RetentionPolicy, Target};
use super::{
    Acknowledgement, BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, Delivery, GroupStatus,
    Health, Message, Position, Producer, Receipt, Recipient, Retention, Settle, Settlement, StartPosition,
    StoredMessage, Subscription, Topic, TopicStatus, Transport, TransportError, Trimmed,
};

/// Messages that a topic keeps for later groups.
pub(crate) const DEFAULT_RETENTION: Retention = Retention::unlimited().max_count(10_000);

/// The stores that have a name, for as long as somebody holds them.
static NAMED: Mutex<Option<HashMap<String, Weak<Store>>>> = Mutex::new(None);

/// The `memory:` transport.
pub(super) struct MemoryTransport {
    store: Arc<Store>,
}

impl MemoryTransport {
    pub(super) fn connect(target: &Target<'_>, options: &ConnectOptions) -> Result<Self, TransportError> {
        target.only(&RetentionPolicy::SETTINGS)?;
        let policy = RetentionPolicy::new(target, options, DEFAULT_RETENTION)?;
        let open = || Arc::new(Store::new(target.shown().to_owned(), policy));
        if target.path.is_empty() {
            return Ok(Self { store: open() });
        }
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        let named = named.get_or_insert_default();
        named.retain(|_, store| store.strong_count() > 0);
        if let Some(store) = named.get(&target.path).and_then(Weak::upgrade) {
            return Ok(Self { store });
        }
        let store = open();
        named.insert(target.path.clone(), Arc::downgrade(&store));
        Ok(Self { store })
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    Box::pin(std::future::ready(value))
}

impl Transport for MemoryTransport {
    fn capability(&self) -> Capability {
        Capability {
            takeover: true,
            counts_attempts: true,
            isolates: true,
            keeps_delay: true,
            start_at_time: true,
            start_at_position: true,
            seek: true,
            trim: true,
            ..Capability::new(Acknowledgement::Lease)
        }
    }

    fn url(&self) -> &str {
        self.store.url()
    }

    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        let producer: Arc<dyn Producer> = Arc::new(MemoryProducer { store: self.store.clone() });
        ready(Ok(producer))
    }

    fn consumer(
        &self,
        subscription: Subscription,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        let consumer = MemoryConsumer::subscribe(&self.store, &subscription)
            .map(|consumer| Box::new(consumer) as Box<dyn Consumer>);
        ready(consumer)
    }

    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        ready(Ok(self.store.health()))
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        ready(Ok(self.store.topics()))
    }

    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        ready(self.store.groups(topic))
    }

    fn unsettled<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        after: Option<Position>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredMessage>, TransportError>> {
        ready(self.store.unsettled(topic, group, after, max))
    }

    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        ready(self.store.seek(topic, group, start))
    }

    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        ready(self.store.remove_group(topic, group))
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        ready(Ok(self.store.trim()))
    }
}

struct MemoryProducer {
    store: Arc<Store>,
}

impl Producer for MemoryProducer {
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>> {
        let positions = self.store.send(topic, batch);
        ready(positions.map(|seq| Ok(Position::Sequence(seq))).collect())
    }
}

struct MemoryConsumer {
    ledger: Arc<Ledger>,
    recipient: Arc<Recipient>,
    changes: watch::Receiver<u64>,
}

impl MemoryConsumer {
    fn subscribe(store: &Arc<Store>, subscription: &Subscription) -> Result<Self, TransportError> {
        let Subscription { topic, group, .. } = subscription;
        let ledger = Arc::new(Ledger {
            store: store.clone(),
            member: store.join(subscription)?,
            dead_letter: subscription.dead_letter_topic()?,
        });
        Ok(Self {
            recipient: Arc::new(Recipient::new(topic.clone(), group.clone(), ledger.clone())),
            changes: store.changes(topic),
            ledger,
        })
    }

    fn deliver(&self, claimed: Claimed) -> Delivery {
        Delivery::new(
            claimed.message,
            Position::Sequence(claimed.sequence),
            claimed.attempt,
            claimed.time,
            claimed.claim,
            self.recipient.clone(),
        )
    }
}

impl Consumer for MemoryConsumer {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(async move {
            // No deadline where the wait passes the clock's range.
            let deadline = Instant::now().checked_add(wait);
            loop {
                // Seen before the claim, so that what comes during the claim is not missed.
                self.changes.borrow_and_update();
                let (claimed, due) = self.ledger.store.claim(&self.ledger.member, max)?;
                if !claimed.is_empty() || max == 0 {
                    return Ok(claimed.into_iter().map(|claimed| self.deliver(claimed)).collect());
                }
                if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    return Ok(Vec::new());
                }
                let wake = [due, deadline].into_iter().flatten().min();
                let timer = async {
                    match wake {
                        Some(at) => sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    // The store lives as long as this consumer, and with it the sender.
                    _ = self.changes.changed() => {}
                    () = timer => {}
                }
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        ready(Ok(()))
    }
}

/// One member's side of the store.
struct Ledger {
    store: Arc<Store>,
    member: Member,
    dead_letter: Topic,
}

impl Settle for Ledger {
    fn settle(&self, settlements: Vec<Settlement>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        ready(self.store.settle(&self.member, &self.dead_letter, settlements))
    }

    fn abandon(&self, receipt: Receipt) {
        // A lost lease means that the message went back already.
        drop(self.store.settle(
            &self.member,
            &self.dead_letter,
            vec![Settlement::retry(receipt, Duration::ZERO)],
        ));
    }

    fn renew(&self, receipts: Vec<Receipt>) -> BoxFuture<'static, Vec<Result<(), TransportError>>> {
        ready(self.store.renew(&self.member, &receipts))
    }
}
