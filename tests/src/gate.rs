//! A transport over `memory:` whose topics fail as a test chooses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use events_runtime::transport::{
    ConnectOptions, ErrorKind, Message, Producer, Topic, Transport, TransportError, connect,
};
use tokio::sync::watch;

use crate::over::{Over, Sent};

/// How a topic responds to a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// It stores them.
    #[default]
    Open,
    /// It stores the next call's messages, then hangs.
    Once,
    /// It fails with a transient error.
    Away,
    /// It does not respond until its state changes.
    Hangs,
    /// It rejects each message as invalid.
    Refuses,
    /// It fails for lack of permission.
    Forbids,
    /// It fails with an error of another kind.
    Breaks,
    /// Its driver panics when called.
    Panics,
    /// Its driver panics when polled.
    PanicsLater,
}

/// The states of the topics, by their full names.
#[derive(Clone)]
pub struct Gates(Arc<Shared>);

struct Shared {
    states: watch::Sender<HashMap<String, State>>,
    /// The number of sends to each topic.
    calls: Mutex<HashMap<String, usize>>,
}

impl Gates {
    /// Sets how a topic responds from now on.
    pub fn set(&self, topic: &str, state: State) {
        self.0.states.send_modify(|states| {
            states.insert(topic.to_owned(), state);
        });
    }

    /// The number of sends to a topic.
    #[must_use]
    pub fn calls(&self, topic: &str) -> usize {
        self.0.calls.lock().expect("no panic").get(topic).copied().unwrap_or_default()
    }
}

/// A memory store, and the gates of its topics.
///
/// # Panics
/// If the memory store can't be opened.
#[must_use]
pub fn over_memory() -> (Box<dyn Transport>, Gates) {
    let gates = Gates(Arc::new(Shared { states: watch::Sender::default(), calls: Mutex::default() }));
    let memory = connect("memory:", &ConnectOptions::new()).expect("memory");
    let closing = gates.clone();
    let over = Over::new(memory).sends(move |memory, topic, batch| closing.send(memory, topic, batch));
    (Box::new(over), gates)
}

impl Gates {
    fn send(&self, memory: &Arc<dyn Producer>, topic: &Topic, batch: &[Message]) -> Sent {
        *self.0.calls.lock().expect("no panic").entry(topic.to_string()).or_default() += 1;
        let mut states = self.0.states.subscribe();
        let (topic, batch, memory) = (topic.clone(), batch.to_vec(), Arc::clone(memory));
        let gates = self.clone();
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
