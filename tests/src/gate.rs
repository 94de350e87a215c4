//! A transport over `memory:` whose topics can be closed one by one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use events_runtime::transport::{
    BoxFuture, ConnectOptions, ErrorKind, Message, Position, Producer, Topic, Transport, TransportError,
    connect,
};
use tokio::sync::watch;

use crate::over::Over;

/// What a topic does with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// It stores them.
    #[default]
    Open,
    /// It stores what the next call brings, and hangs then.
    Once,
    /// It fails in a way that passes.
    Away,
    /// It does not answer until its state changes.
    Hangs,
    /// It refuses each message for what is wrong with it.
    Refuses,
    /// It refuses all until somebody gives back a right.
    Forbids,
    /// It fails for a reason that nobody foresaw.
    Breaks,
    /// Its driver panics when it is called.
    Panics,
    /// Its driver panics on the way.
    PanicsLater,
}

/// The states of the topics, by their full names.
#[derive(Clone)]
pub struct Gates(Arc<Shared>);

struct Shared {
    states: watch::Sender<HashMap<String, State>>,
    /// How often each topic was asked to store.
    calls: Mutex<HashMap<String, usize>>,
}

impl Gates {
    /// Sets what a topic does from now on.
    pub fn set(&self, topic: &str, state: State) {
        self.0.states.send_modify(|states| {
            states.insert(topic.to_owned(), state);
        });
    }

    /// How often a topic was asked to store.
    #[must_use]
    pub fn calls(&self, topic: &str) -> usize {
        self.0.calls.lock().expect("no panic").get(topic).copied().unwrap_or_default()
    }
}

/// Memory, and the gates of its topics.
///
/// # Panics
/// Where there can be no memory.
#[must_use]
pub fn over_memory() -> (Box<dyn Transport>, Gates) {
    let gates = Gates(Arc::new(Shared { states: watch::Sender::default(), calls: Mutex::default() }));
    let memory = connect("memory:", &ConnectOptions::new()).expect("memory");
    let closing = gates.clone();
    let over = Over::new(memory).producer(move |memory| GateProducer { memory, gates: closing.clone() });
    (Box::new(over), gates)
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
        assert!(
            states.borrow().get(topic.as_str()) != Some(&State::Panics),
            "the driver of `{topic}` is torn"
        );
        Box::pin(async move {
            let state =
                |states: &HashMap<String, State>| states.get(topic.as_str()).copied().unwrap_or_default();
            let now = state(&states.wait_for(|states| state(states) != State::Hangs).await.expect("held"));
            let kind = match now {
                State::Away => ErrorKind::Unavailable,
                State::Refuses => ErrorKind::TooLarge,
                State::Forbids => ErrorKind::Permission,
                State::Breaks => ErrorKind::Other,
                State::Once => {
                    gates.set(topic.as_str(), State::Hangs);
                    return memory.send(&topic, &batch).await;
                }
                State::PanicsLater => panic!("the driver of `{topic}` is torn"),
                State::Open | State::Hangs | State::Panics => return memory.send(&topic, &batch).await,
            };
            batch
                .iter()
                .map(|_| Err(TransportError::new(kind, "send to", &topic, "its gate is closed")))
                .collect()
        })
    }
}
