//! Looks for the control requests of a group, for all members of it in this transport.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::client::ControlClient;
use super::config::Config;
use super::control::{ControlRequest, control_group};
use events_support::error_chain::chain;
use events_transport::{ConsumerGroup, TransportError};

/// How often requests are looked for.
const EVERY: Duration = Duration::from_millis(500);
/// How often while a member waits for the end of a request.
const EVERY_AWAY: Duration = Duration::from_millis(50);
/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The watches of a transport, by group.
#[derive(Default)]
pub(super) struct ControlWatches(Mutex<HashMap<ConsumerGroup, Weak<ControlWatch>>>);

/// The requests of one group. Ends with its last member.
pub(super) struct ControlWatch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By the names of topics in Kafka.
    requests: HashMap<String, Option<ControlRequest>>,
    /// Members that wait for the end of a request.
    away: usize,
    looks: u64,
    is_looking: bool,
}

impl ControlWatches {
    /// The watch of a group, which looks at this topic, too.
    ///
    /// # Errors
    /// A [`TransportError`] if a client or a thread can't be created.
    pub(super) fn of(
        &self,
        config: &Config,
        group: &ConsumerGroup,
        topics: &[String],
    ) -> Result<Arc<ControlWatch>, TransportError> {
        let mut watches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watches.retain(|_, watch| watch.strong_count() > 0);
        if let Some(watch) = watches.get(group).and_then(Weak::upgrade) {
            let mut state = watch.state();
            for topic in topics {
                state.requests.entry(topic.clone()).or_default();
            }
            drop(state);
            return Ok(watch);
        }
        let name = config.namespace.kafka_group_name(&control_group(group));
        let client = ControlClient::new(&config.client, name)?;
        let requests = topics.iter().map(|topic| (topic.clone(), None)).collect();
        let state = Mutex::new(State { requests, ..State::default() });
        let watch = Arc::new(ControlWatch { state, changed: Condvar::new() });
        let of_thread = Arc::downgrade(&watch);
        let spawned = thread::Builder::new().name("events-kafka-control".to_owned());
        spawned.spawn(move || run(&of_thread, &client)).map_err(|source| {
            let message = "the system can't start a thread: check its limits";
            TransportError::new(events_transport::ErrorKind::Unavailable, "subscribe to", group, message)
                .with_source(source)
        })?;
        watches.insert(group.clone(), Arc::downgrade(&watch));
        Ok(watch)
    }
}

impl ControlWatch {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last request to the members in a topic, by its name in Kafka.
    pub(super) fn request(&self, topic: &str) -> Option<ControlRequest> {
        self.state().requests.get(topic).copied().flatten()
    }

    /// Waits for a look that begins after this call, for at most this time. Blocks.
    pub(super) fn look(&self, wait: Duration) {
        let deadline = Instant::now() + wait;
        let mut state = self.state();
        // The look under way may have read already.
        let enough = state.looks + if state.is_looking { 2 } else { 1 };
        state.away += 1;
        self.changed.notify_all();
        while state.looks < enough {
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                break;
            };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.away -= 1;
    }

    /// Looks often until `leave` is called.
    pub(super) fn hurry(&self) {
        self.state().away += 1;
        self.changed.notify_all();
    }

    /// Ends a [`hurry`](Self::hurry).
    pub(super) fn relax(&self) {
        let mut state = self.state();
        state.away = state.away.saturating_sub(1);
    }
}

fn run(watch: &Weak<ControlWatch>, client: &ControlClient) {
    while let Some(watch) = watch.upgrade() {
        let topics: Vec<String> = {
            let mut state = watch.state();
            state.is_looking = true;
            state.requests.keys().cloned().collect()
        };
        match client.read(&topics, PATIENCE) {
            Ok(found) => {
                let mut state = watch.state();
                for (topic, text) in found {
                    // Anything else is no request: it is of a later version, or of another program.
                    if let Ok(request) = text.parse() {
                        state.requests.insert(topic, Some(request));
                    }
                }
                state.looks += 1;
            }
            Err(error) => {
                tracing::debug!(error = chain(&error), "the requests to a group are unknown for now");
            }
        }
        let mut state = watch.state();
        state.is_looking = false;
        watch.changed.notify_all();
        let pause = if state.away > 0 { EVERY_AWAY } else { EVERY };
        // A member that waits wakes this.
        drop(watch.changed.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner));
    }
}
