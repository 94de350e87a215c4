//! The simulator as a transport: a `memory:` store with faults in sending, receiving, and storing and reading
//! schemas.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::sync::watch;

use super::consumer::SimConsumer;
use super::history::{Action, Effect, Step};
use super::state::State;
use super::{Fault, Faults, History};
use events_transport::{
    BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, ErrorKind, GroupStatus, Health, Message,
    Position, Producer, SchemaId, SendOrder, StartPosition, Subscription, Topic, TopicStatus, Transport,
    TransportError, Trimmed, connect,
};

/// The header that holds the key if the store must not know it.
const KEY_HEADER: &str = "sim_key";

/// A simulated broker: a store in memory, a plan of faults and a seed. Clones share the broker.
#[derive(Clone)]
pub struct Sim(Arc<Shared>);

struct Shared {
    url: String,
    faults: Faults,
    store: Box<dyn Transport>,
    state: Mutex<State>,
    /// Counts the changes that may wake a waiting task.
    changed: watch::Sender<u64>,
}

impl Sim {
    /// Creates a broker without messages.
    #[must_use]
    pub fn new(seed: u64, faults: Faults) -> Self {
        Self::with_options(seed, faults, &ConnectOptions::new())
    }

    /// Creates a broker with these options, such as a retention.
    #[must_use]
    pub fn with_options(seed: u64, faults: Faults, options: &ConnectOptions) -> Self {
        let store = connect("memory:", options).expect("the `memory:` transport is always available");
        Self(Arc::new(Shared {
            url: format!("sim:{seed}"),
            faults,
            store,
            state: Mutex::new(State::new(seed, faults)),
            changed: watch::Sender::new(0),
        }))
    }

    /// Returns a handle for [`EventBusBuilder::transport`](crate::bus::EventBusBuilder::transport).
    #[must_use]
    pub fn transport(&self) -> Box<dyn Transport> {
        Box::new(self.clone())
    }

    /// The plan of faults.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.0.faults
    }

    /// The history so far.
    #[must_use]
    pub fn history(&self) -> History {
        self.state().history.clone()
    }

    /// The number of consumers that have crashed so far.
    #[must_use]
    pub fn crashes(&self) -> u64 {
        self.state().crashes
    }

    /// Waits until all groups have settled all messages, redeliveries included.
    pub async fn drained(&self) {
        let mut changes = self.changes();
        loop {
            // Marked as seen before the check, so that a concurrent change is not missed.
            changes.borrow_and_update();
            if self.lag() == 0 || changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// The number of unsettled deliveries of all groups.
    pub(super) fn lag(&self) -> u64 {
        let topics = now(self.0.store.topics()).unwrap_or_default();
        let groups = topics.iter().flat_map(|status| now(self.groups(&status.topic)).unwrap_or_default());
        groups.map(|status| status.lag).sum()
    }

    /// Ignores poisoning: no panic leaves a change incomplete.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn store(&self) -> &dyn Transport {
        &*self.0.store
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    pub(super) fn wake(&self) {
        self.0.changed.send_modify(|changes| *changes += 1);
    }

    /// Removes the key from a message for the store if keys have no order.
    pub(super) fn hide_key(&self, mut message: Message) -> Message {
        if !self.0.faults.order_per_key
            && let Some(key) = message.key.take()
        {
            message.headers.push(KEY_HEADER, key);
        }
        message
    }

    /// Restores the key of a message from the store.
    pub(super) fn restore_key(&self, mut message: Message) -> Message {
        if !self.0.faults.order_per_key && message.key.is_none() {
            message.key = message.headers.get(KEY_HEADER).cloned();
            message.headers.retain(|name, _| name != KEY_HEADER);
        }
        message
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim")
            .field("url", &self.0.url)
            .field("faults", &self.0.faults)
            .finish_non_exhaustive()
    }
}

/// The result of a future of the `memory:` store that is ready at once.
pub(super) fn now<T>(mut future: BoxFuture<'_, T>) -> T {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the memory store returned a pending future"),
    }
}

pub(super) fn unavailable(operation: &'static str, topic: &Topic, fault: Fault) -> TransportError {
    TransportError::new(ErrorKind::Unavailable, operation, topic, format!("simulated fault `{fault}`"))
}

impl Transport for Sim {
    fn capability(&self) -> Capability {
        let mut capability = self.store().capability();
        capability.transactions = false;
        capability
    }

    fn url(&self) -> &str {
        &self.0.url
    }

    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        Box::pin(async {
            let store = self.store().producer().await?;
            let order = SendOrder::default();
            Ok(Arc::new(SimProducer { sim: self.clone(), store, order }) as Arc<dyn Producer>)
        })
    }

    fn consumer(
        &self,
        subscription: Subscription,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        Box::pin(async {
            let consumer = SimConsumer::join(self, subscription).await?;
            Ok(Box::new(consumer) as Box<dyn Consumer>)
        })
    }

    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        self.store().check()
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        self.store().topics()
    }

    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        Box::pin(async {
            let mut groups = self.store().groups(topic).await?;
            let mut state = self.state();
            for status in &mut groups {
                let progress = state.progress(topic, &status.group);
                status.lag += progress.outstanding();
                status.waiting += progress.redeliveries.len() as u64;
                status.in_flight += progress.held.len() as u64;
                let next = status.next.into_iter().chain(progress.earliest());
                status.next = next.min_by_key(|position| position.sort_key());
            }
            Ok(groups)
        })
    }

    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            self.store().seek(topic, group, start).await?;
            self.state().progress(topic, group).reset();
            self.wake();
            Ok(())
        })
    }

    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            self.store().remove_group(topic, group).await?;
            self.state().progress(topic, group).reset();
            self.wake();
            Ok(())
        })
    }

    fn store_schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        Box::pin(async move {
            let operation = "store a schema of";
            let step = Step::new(Action::StoreSchema, topic.clone());
            if self.state().dice.occurs(Fault::FailStoreSchema) {
                self.state().history.push(step.with_fault(Fault::FailStoreSchema, Effect::Failed));
                return Err(unavailable(operation, topic, Fault::FailStoreSchema));
            }
            self.store().store_schema(topic, schema, text).await?;
            let mut state = self.state();
            if state.dice.occurs(Fault::LoseSchemaAck) {
                state.history.push(step.with_fault(Fault::LoseSchemaAck, Effect::ReportedFailed));
                return Err(unavailable(operation, topic, Fault::LoseSchemaAck));
            }
            state.history.push(step);
            Ok(())
        })
    }

    fn schema<'a>(
        &'a self,
        topic: &'a Topic,
        schema: &'a SchemaId,
    ) -> BoxFuture<'a, Result<Option<String>, TransportError>> {
        Box::pin(async move {
            let text = self.store().schema(topic, schema).await?;
            let step = Step::new(Action::ReadSchema, topic.clone());
            let mut state = self.state();
            if state.dice.occurs(Fault::FailReadSchema) {
                state.history.push(step.with_fault(Fault::FailReadSchema, Effect::Failed));
                return Err(unavailable("read a schema of", topic, Fault::FailReadSchema));
            }
            if text.is_some() && state.hides(topic, schema) {
                state.history.push(step.with_fault(Fault::HideSchema, Effect::NotFound));
                return Ok(None);
            }
            state.history.push(step);
            Ok(text)
        })
    }

    fn schemas<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<SchemaId>, TransportError>> {
        self.store().schemas(topic)
    }

    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        self.store().trim()
    }
}

struct SimProducer {
    sim: Sim,
    store: Arc<dyn Producer>,
    order: SendOrder,
}

impl SimProducer {
    fn send_one(
        &self,
        state: &mut State,
        topic: &Topic,
        message: &Message,
    ) -> Result<Position, TransportError> {
        let step = Step::new(Action::Send, topic.clone());
        if state.dice.occurs(Fault::FailSend) {
            state.history.push(step.with_fault(Fault::FailSend, Effect::Failed));
            return Err(unavailable("send to", topic, Fault::FailSend));
        }
        let stored = now(self.store.send(topic, &[self.sim.hide_key(message.clone())]));
        let position = stored.into_iter().next().expect("the store returns a result for each message")?;
        let is_copy = state.is_copy(topic, message, position);
        let step = step.at(position).because(is_copy.then_some(Fault::LoseSendAck));
        if state.dice.occurs(Fault::LoseSendAck) {
            state.unreported(topic, message, position);
            state.history.push(step.with_fault(Fault::LoseSendAck, Effect::ReportedFailed));
            return Err(unavailable("send to", topic, Fault::LoseSendAck));
        }
        state.history.push(step);
        Ok(position)
    }
}

impl Producer for SimProducer {
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>> {
        let mut state = self.sim.state();
        let (call, returned) = self.order.begin(topic);
        if let Err(error) = call.admit() {
            drop(state);
            let results = vec![Err(error); batch.len()];
            return Box::pin(async move {
                drop(returned);
                results
            });
        }
        // Keys with a failed message. Their later messages are not stored.
        let mut failed_keys: HashSet<Bytes> = HashSet::new();
        let mut results = Vec::with_capacity(batch.len());
        for message in batch {
            let result = if message.key.as_ref().is_some_and(|key| failed_keys.contains(key)) {
                Err(TransportError::new(
                    ErrorKind::Unavailable,
                    "send to",
                    topic,
                    "an earlier message of the same key was not stored",
                ))
            } else {
                self.send_one(&mut state, topic, message)
            };
            if result.is_err() {
                failed_keys.extend(message.key.clone());
            }
            results.push(result);
        }
        if results.iter().any(Result::is_err) {
            call.fail();
        }
        let pause = state.dice.occurs(Fault::Delay).then(|| {
            let step = Step::new(Action::Send, topic.clone());
            state.history.push(step.with_fault(Fault::Delay, Effect::Delayed));
            state.dice.pause(Fault::Delay)
        });
        drop(state);
        self.sim.wake();
        Box::pin(async move {
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            drop(returned);
            results
        })
    }
}
