//! The receiving side of a consumer: which messages are delivered, when and in which order.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Fault;
use super::history::{Action, Effect};
use super::ledger::{Held, Ledger, crashed};
use super::transport::{Sim, now, unavailable};
use events_transport::{BoxFuture, Consumer, Delivery, Outcome, Recipient, Subscription, TransportError};

pub(super) struct SimConsumer {
    store: Box<dyn Consumer>,
    ledger: Arc<Ledger>,
    recipient: Arc<Recipient>,
    changes: watch::Receiver<u64>,
}

impl SimConsumer {
    pub(super) async fn join(sim: &Sim, subscription: Subscription) -> Result<Self, TransportError> {
        let Subscription { topic, group, .. } = subscription.clone();
        let dead_letter = subscription.dead_letter_topic()?;
        let producer = sim.store().producer().await?;
        let store = sim.store().consumer(subscription).await?;
        let ledger = Arc::new(Ledger::join(sim.clone(), topic.clone(), group.clone(), producer, dead_letter));
        let recipient = Arc::new(Recipient::new(topic, group, ledger.clone()));
        Ok(Self { store, ledger, recipient, changes: sim.changes() })
    }

    /// Delivers fetched messages and due redeliveries. Not async: dropping the future would lose the messages
    /// taken from the store.
    fn take(&self, fetched: Vec<Delivery>, max: usize) -> Result<Vec<Delivery>, TransportError> {
        let mut batch = self.ledger.take_redeliveries(max);
        batch.extend(self.delay(fetched));
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.reorder(&mut batch);
        if self.ledger.crashes_with(&mut batch) {
            return Err(crashed("receive from", self.ledger.topic()));
        }
        let deliveries = batch.into_iter().map(|held| self.ledger.deliver(held, &self.recipient)).collect();
        self.ledger.wake();
        Ok(deliveries)
    }

    /// Delays some messages, and the later ones of their keys.
    fn delay(&self, fetched: Vec<Delivery>) -> Vec<Held> {
        let mut later: HashSet<Bytes> = HashSet::new();
        let mut kept = Vec::new();
        for delivery in fetched {
            let key = delivery.message().key.clone();
            let position = delivery.position();
            if key.as_ref().is_some_and(|key| later.contains(key)) {
                // Fails only if the lease has ended; then the store has requeued the message.
                let _ = now(delivery.settle(Outcome::Release));
            } else if let Some(pause) = self.ledger.delays(position) {
                later.extend(key);
                let _ = now(delivery.settle(Outcome::Retry(pause)));
            } else {
                kept.push(Held::Stored(delivery));
            }
        }
        kept
    }

    /// Reorders messages of different keys. Each key that the store knows keeps its order.
    fn reorder(&self, batch: &mut Vec<Held>) {
        let mut state = self.ledger.state();
        if batch.len() < 2 || !state.dice.occurs(Fault::Reorder) {
            return;
        }
        let mut queues: Vec<VecDeque<Held>> = Vec::new();
        let mut of_key: HashMap<Bytes, usize> = HashMap::new();
        for held in batch.drain(..) {
            let queue = match held.key() {
                Some(key) => *of_key.entry(key.clone()).or_insert(queues.len()),
                None => queues.len(),
            };
            match queues.get_mut(queue) {
                Some(queue) => queue.push_back(held),
                None => queues.push(VecDeque::from([held])),
            }
        }
        while !queues.is_empty() {
            let index = state.dice.case(Fault::Reorder, queues.len());
            match queues.get_mut(index).and_then(VecDeque::pop_front) {
                Some(held) => batch.push(held),
                None => drop(queues.remove(index)),
            }
        }
        let step = self.ledger.step(Action::Fetch).with_fault(Fault::Reorder, Effect::Reordered);
        state.history.push(step);
    }

    /// Reduces the batch size at random: batches of other sizes are processed in another order.
    fn batch_size(&self, max: usize) -> usize {
        let mut state = self.ledger.state();
        if state.dice.occurs(Fault::Reorder) { 1 + state.dice.case(Fault::Reorder, max) } else { max }
    }
}

impl Consumer for SimConsumer {
    fn receive(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<Delivery>, TransportError>> {
        Box::pin(async move {
            if self.ledger.is_crashed() {
                return Err(crashed("receive from", self.ledger.topic()));
            }
            if max == 0 {
                return Ok(Vec::new());
            }
            if self.ledger.fails_to_receive() {
                return Err(unavailable("receive from", self.ledger.topic(), Fault::FailReceive));
            }
            let max = self.batch_size(max);
            // No deadline if the wait exceeds the clock's range.
            let deadline = Instant::now().checked_add(wait);
            loop {
                // Marked as seen before the check, so that a concurrent change is not missed.
                self.changes.borrow_and_update();
                let (due, next) = self.ledger.redeliveries_due(max);
                let until =
                    if due > 0 { Some(Instant::now()) } else { [next, deadline].into_iter().flatten().min() };
                let wait =
                    until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
                let fetched = tokio::select! {
                    biased;
                    fetched = self.store.receive(max - due, wait) => fetched?,
                    _ = self.changes.changed() => continue,
                };
                let deliveries = self.take(fetched, max)?;
                if !deliveries.is_empty() || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                    return Ok(deliveries);
                }
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Result<(), TransportError>> {
        self.store.close()
    }
}
