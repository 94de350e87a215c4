//! The consumer's way in: what comes, when, in which order, and whether at all.

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

    /// What may be handed out now. Nothing is awaited here: what was taken from the store would be
    /// lost with the future.
    fn take(&self, fetched: Vec<Delivery>, max: usize) -> Result<Vec<Delivery>, TransportError> {
        let mut hand = self.ledger.echoes(max);
        hand.extend(self.delay(fetched));
        if hand.is_empty() {
            return Ok(Vec::new());
        }
        self.reorder(&mut hand);
        if self.ledger.crashes_with(&mut hand) {
            return Err(crashed("receive from", self.ledger.topic()));
        }
        let deliveries = hand.into_iter().map(|held| self.ledger.hand_out(held, &self.recipient)).collect();
        self.ledger.wake();
        Ok(deliveries)
    }

    /// Sends some back to come later, and those of their keys behind them.
    fn delay(&self, fetched: Vec<Delivery>) -> Vec<Held> {
        let mut later: HashSet<Bytes> = HashSet::new();
        let mut kept = Vec::new();
        for delivery in fetched {
            let key = delivery.message().key.clone();
            let position = delivery.position();
            if key.as_ref().is_some_and(|key| later.contains(key)) {
                // The store has it again when this returns; that it can't is a lease that ended.
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

    /// Lets keys change places; each keeps its own order, as far as the store sees keys.
    fn reorder(&self, hand: &mut Vec<Held>) {
        let mut state = self.ledger.state();
        if hand.len() < 2 || !state.dice.strikes(Fault::Reorder) {
            return;
        }
        let mut queues: Vec<VecDeque<Held>> = Vec::new();
        let mut of_key: HashMap<Bytes, usize> = HashMap::new();
        for held in hand.drain(..) {
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
                Some(held) => hand.push(held),
                None => drop(queues.remove(index)),
            }
        }
        let step = self.ledger.step(Action::Fetch).struck(Fault::Reorder, Effect::Reordered);
        state.history.push(step);
    }

    /// As many as are asked for, or fewer: other cuts between batches give other orders.
    fn cut(&self, max: usize) -> usize {
        let mut state = self.ledger.state();
        if state.dice.strikes(Fault::Reorder) { 1 + state.dice.case(Fault::Reorder, max) } else { max }
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
            let max = self.cut(max);
            // No deadline where the wait passes the clock's range.
            let deadline = Instant::now().checked_add(wait);
            loop {
                // Seen before the look, so that an echo that comes meanwhile is not missed.
                self.changes.borrow_and_update();
                let (due, next) = self.ledger.echoes_due(max);
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
