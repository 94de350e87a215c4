//! Sends messages.
//!
//! All producers of a transport share one client of librdkafka, so that all sends to a topic have one order. After
//! a failed record, the client is replaced: no later message of a key is stored after a failed one, since every
//! record under way is withdrawn and fails, and a call that was made before its caller knew of the failure is not
//! admitted. A topic whose record failed moves to a second client for a while, so
//! that it does not disturb the others.

mod call;
mod instance;
mod serve;
mod size;
mod state;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use events_transport::{BoxFuture, ErrorKind, Message, Position, Producer, SendOrder, Topic, TransportError};
use tokio::sync::oneshot;

use self::call::Call;
use self::instance::Instance;
use crate::client::{Batching, Topics, off_thread};
use crate::config::Config;

const OPERATION: &str = "send to";

/// How long a topic is sent apart after its last failure.
const APART: Duration = Duration::from_secs(60);

/// Shared by all producers of a transport.
pub(crate) struct KafkaProducer {
    routes: Arc<Routes>,
}

/// A handle of the shared producer.
struct Handle {
    shared: Arc<KafkaProducer>,
    order: SendOrder,
}

/// Which client sends a topic.
struct Routes {
    config: Arc<Config>,
    topics: Arc<Topics>,
    state: Mutex<RouteState>,
}

struct RouteState {
    main: Option<Arc<Instance>>,
    /// Sends each record alone. Created with the first topic that needs it.
    apart: Option<Arc<Instance>>,
    /// The topics that are sent apart, and until when; `None` is for good.
    troubled: HashMap<Topic, Option<Instant>>,
}

impl KafkaProducer {
    /// Connects to the cluster.
    ///
    /// # Errors
    /// A [`TransportError`] if it can't be reached, or rejects the credentials.
    pub(crate) async fn connect(config: Arc<Config>, topics: Arc<Topics>) -> Result<Self, TransportError> {
        let state = RouteState { main: None, apart: None, troubled: HashMap::new() };
        let routes = Arc::new(Routes { config: config.clone(), topics, state: Mutex::new(state) });
        let url = config.url.clone();
        off_thread("connect to", &url, move || {
            let connected =
                Instance::connect(&config, &routes.topics, Batching::Configured, Arc::downgrade(&routes))?;
            routes.state().main = Some(connected);
            // If the future was dropped, the result is dropped here, which ends the thread of the instance.
            Ok(Self { routes })
        })
        .await
    }

    /// A handle for one caller.
    pub(crate) fn handle(self: Arc<Self>) -> Arc<dyn Producer> {
        Arc::new(Handle { shared: self, order: SendOrder::default() })
    }
}

impl Drop for KafkaProducer {
    /// What was accepted is still sent: the threads end after it.
    fn drop(&mut self) {
        let mut state = self.routes.state();
        let RouteState { main, apart, .. } = &mut *state;
        for instance in [main.take(), apart.take()].into_iter().flatten() {
            instance.close();
        }
    }
}

impl Producer for Handle {
    fn send(
        &self,
        topic: &Topic,
        batch: &[Message],
    ) -> BoxFuture<'static, Vec<Result<Position, TransportError>>> {
        let count = batch.len();
        if count == 0 {
            return Box::pin(std::future::ready(Vec::new()));
        }
        let name = match self.shared.routes.config.namespace.checked_topic(topic, OPERATION) {
            Ok(name) => name,
            Err(error) => {
                return Box::pin(std::future::ready((0..count).map(|_| Err(error.clone())).collect()));
            }
        };
        let (reply, answer) = oneshot::channel();
        let (order, returned) = self.order.begin(topic);
        let call = Arc::new(Call::new(topic.clone(), name, order, count, reply));
        self.shared.routes.submit(&call, batch);
        let closed = TransportError::new(ErrorKind::Closed, OPERATION, topic, "the producer was closed");
        Box::pin(async move {
            let results = answer.await.unwrap_or_else(|_| vec![Err(closed); count]);
            drop(returned);
            results
        })
    }
}

impl Routes {
    /// Lock order: routes before instance.
    fn state(&self) -> MutexGuard<'_, RouteState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a call to the client of its topic. The lock is held until the client has accepted it: consecutive
    /// calls keep their order when the topic moves to another client.
    fn submit(self: &Arc<Self>, call: &Arc<Call>, batch: &[Message]) {
        let mut state = self.state();
        match self.instance(&mut state, &call.topic) {
            Ok(instance) => instance.submit(call, batch),
            Err(error) => {
                drop(state);
                call.keep_rest(&error);
                call.reply();
            }
        }
    }

    fn instance(
        self: &Arc<Self>,
        state: &mut RouteState,
        topic: &Topic,
    ) -> Result<Arc<Instance>, TransportError> {
        let closed = || TransportError::new(ErrorKind::Closed, OPERATION, topic, "the producer was closed");
        let Some(until) = state.troubled.get(topic) else { return state.main.clone().ok_or_else(closed) };
        let is_over = until.is_some_and(|until| Instant::now() >= until);
        if is_over && state.apart.as_ref().is_none_or(|apart| apart.is_idle(topic)) {
            state.troubled.remove(topic);
            return state.main.clone().ok_or_else(closed);
        }
        self.apart(state)
    }

    /// The client of troubled topics.
    fn apart(self: &Arc<Self>, state: &mut RouteState) -> Result<Arc<Instance>, TransportError> {
        if let Some(apart) = &state.apart {
            return Ok(apart.clone());
        }
        let apart = Instance::start(&self.config, &self.topics, Batching::Alone, Arc::downgrade(self))?;
        Ok(state.apart.insert(apart).clone())
    }

    /// Sends a topic apart from now on, for this time or for good. No call of the topic is under way, and the caller
    /// holds the lock.
    fn set_apart(state: &mut RouteState, topic: Topic, time: Option<Duration>) {
        let until = state.troubled.entry(topic).or_insert_with(|| Some(Instant::now()));
        if until.is_some() {
            *until = time.map(|time| Instant::now() + time);
        }
    }
}

/// The routes of an instance, which ends if they are gone.
type Parent = Weak<Routes>;
