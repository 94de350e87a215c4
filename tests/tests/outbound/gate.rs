//! A transport over `memory:` whose topics can be closed one by one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use events_runtime::transport::{
    BoxFuture, Capability, ConnectOptions, Consumer, ConsumerGroup, ErrorKind, GroupStatus, Health, Message,
    Position, Producer, StartPosition, Subscription, Topic, TopicStatus, Transport, TransportError, Trimmed,
    connect,
};
use tokio::sync::watch;

/// What a topic does with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    /// It stores them.
    #[default]
    Open,
    /// It stores what the next call brings, and hangs then.
    Once,
    /// It fails in a way that passes.
    Away,
    /// It does not answer until its state changes.
    Hangs,
    /// It fails in a way that does not pass.
    Refuses,
}

/// The states of the topics, by their full names.
#[derive(Clone)]
pub(super) struct Gates(Arc<Shared>);

struct Shared {
    states: watch::Sender<HashMap<String, State>>,
    /// How often each topic was asked to store.
    calls: Mutex<HashMap<String, usize>>,
}

impl Gates {
    pub(super) fn set(&self, topic: &str, state: State) {
        self.0.states.send_modify(|states| {
            states.insert(topic.to_owned(), state);
        });
    }

    pub(super) fn calls(&self, topic: &str) -> usize {
        self.0.calls.lock().expect("no panic").get(topic).copied().unwrap_or_default()
    }
}

pub(super) struct Gate {
    memory: Box<dyn Transport>,
    gates: Gates,
}

impl Gate {
    pub(super) fn over_memory() -> (Box<dyn Transport>, Gates) {
        let gates = Gates(Arc::new(Shared { states: watch::Sender::default(), calls: Mutex::default() }));
        let memory = connect("memory:", &ConnectOptions::new()).expect("memory");
        (Box::new(Self { memory, gates: gates.clone() }), gates)
    }
}

struct GateProducer {
    memory: Arc<dyn Producer>,
    gates: Gates,
}

impl Producer for GateProducer {
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>> {
        *self.gates.0.calls.lock().expect("no panic").entry(topic.to_string()).or_default() += 1;
        let mut states = self.gates.0.states.subscribe();
        let (topic, batch, memory) = (topic.clone(), batch.to_vec(), Arc::clone(&self.memory));
        let gates = self.gates.clone();
        Box::pin(async move {
            let state =
                |states: &HashMap<String, State>| states.get(topic.as_str()).copied().unwrap_or_default();
            let now = state(&states.wait_for(|states| state(states) != State::Hangs).await.expect("held"));
            let kind = match now {
                State::Away => ErrorKind::Unavailable,
                State::Refuses => ErrorKind::TooLarge,
                State::Once => {
                    gates.set(topic.as_str(), State::Hangs);
                    return memory.send(&topic, &batch).await;
                }
                State::Open | State::Hangs => return memory.send(&topic, &batch).await,
            };
            batch
                .iter()
                .map(|_| Err(TransportError::new(kind, "send to", &topic, "its gate is closed")))
                .collect()
        })
    }
}

impl Transport for Gate {
    fn capability(&self) -> Capability {
        self.memory.capability()
    }
    fn url(&self) -> &str {
        self.memory.url()
    }
    fn producer(&self) -> BoxFuture<'_, Result<Arc<dyn Producer>, TransportError>> {
        Box::pin(async {
            let (memory, gates) = (self.memory.producer().await?, self.gates.clone());
            Ok(Arc::new(GateProducer { memory, gates }) as Arc<dyn Producer>)
        })
    }
    fn consumer(
        &self,
        subscription: Subscription,
    ) -> BoxFuture<'_, Result<Box<dyn Consumer>, TransportError>> {
        self.memory.consumer(subscription)
    }
    fn check(&self) -> BoxFuture<'_, Result<Health, TransportError>> {
        self.memory.check()
    }
    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicStatus>, TransportError>> {
        self.memory.topics()
    }
    fn groups<'a>(&'a self, topic: &'a Topic) -> BoxFuture<'a, Result<Vec<GroupStatus>, TransportError>> {
        self.memory.groups(topic)
    }
    fn seek<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        self.memory.seek(topic, group, start)
    }
    fn remove_group<'a>(
        &'a self,
        topic: &'a Topic,
        group: &'a ConsumerGroup,
    ) -> BoxFuture<'a, Result<(), TransportError>> {
        self.memory.remove_group(topic, group)
    }
    fn trim(&self) -> BoxFuture<'_, Result<Trimmed, TransportError>> {
        self.memory.trim()
    }
}
