//! The thread of an instance: serves the client, looks topics up, and replaces the client after a failure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events_support::error_chain::chain;
use events_transport::{ErrorKind, Topic, TransportError};

use super::call::Call;
use super::instance::{Client, Instance};
use super::state::{Failure, Offered};
use super::{APART, OPERATION, Routes};
use crate::client::{self, Batching, TopicInfo};

/// How long the thread serves the client before it looks at what waits.
const SERVE: Duration = Duration::from_millis(5);
/// How often an idle client is served: its log, and its tokens.
const IDLE: Duration = Duration::from_millis(500);
/// How often the age of what is under way is compared with `retry_for`.
const LOOK: Duration = Duration::from_millis(100);
/// How long withdrawn records may take to be reported.
const WITHDRAW: Duration = Duration::from_secs(10);
/// The pause before a topic is looked up again, or a client created.
const AGAIN: Duration = Duration::from_millis(200);

impl Instance {
    pub(super) fn serve(self: &Arc<Self>) {
        let mut looked = Instant::now();
        while let Some(client) = self.wait() {
            client.poll(SERVE);
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look_at_age(&client);
            }
            if self.state().failure.is_some() {
                self.replace(client);
            } else {
                self.look_up(&client);
                self.offer_waiting(&client);
            }
        }
    }

    /// Waits for work, and returns the client to serve; `None` if the instance is closed and has nothing left.
    fn wait(&self) -> Option<Arc<Client>> {
        let mut state = self.state();
        if state.is_idle() && !state.closed {
            let waited = self.work.wait_timeout(state, IDLE);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        if state.closed && state.is_idle() {
            let client = state.client.take();
            drop(state);
            if let Some(client) = client {
                client::retire(client);
            }
            return None;
        }
        drop(state);
        loop {
            if let Some(client) = self.state().client.clone() {
                return Some(client);
            }
            std::thread::sleep(AGAIN);
            self.create_again();
        }
    }

    /// Creates a client after that has failed. As long as it fails, so does what waits.
    fn create_again(&self) {
        let created = self.create();
        let mut state = self.state();
        match created {
            Ok(client) => state.client = Some(client),
            Err(failure) => {
                let calls = state.fail_all(&failure);
                drop(state);
                reply(&calls);
            }
        }
    }

    fn create(&self) -> Result<Arc<Client>, Failure> {
        let created = Client::create(&self.config.client, self.batching, "connect to", &self.config.url);
        created.map(Arc::new).map_err(|error| {
            tracing::error!(error = chain(&error), "could not create another client of Kafka; trying again");
            Failure::of_record(None, error)
        })
    }

    /// Withdraws every record, fails every call that was accepted so far, and creates another client.
    fn replace(&self, client: Arc<Client>) {
        client.purge();
        let deadline = Instant::now() + WITHDRAW;
        while client.in_flight() > 0 && Instant::now() < deadline {
            client.poll(SERVE);
        }
        let created = self.create();
        let routes = self.parent.upgrade();
        let mut route = routes.as_ref().map(|routes| routes.state());
        let mut state = self.state();
        let Some(failure) = state.failure.take() else { return };
        let calls = state.fail_all(&failure);
        state.client = created.ok();
        drop(state);
        if let (Some(route), Some(topic)) = (&mut route, &failure.topic) {
            Routes::set_apart(route, topic.clone(), Some(APART));
        }
        drop(route);
        let error = failure.topic.as_ref().map(|topic| chain(&failure.error(topic)));
        tracing::warn!(
            topic = failure.topic.as_ref().map(Topic::as_str),
            error,
            calls = calls.len(),
            "a message was not stored, so all messages under way are withdrawn"
        );
        reply(&calls);
        client::retire(client);
    }

    /// Fails everything if a call got no result for `retry_for`.
    fn look_at_age(&self, client: &Client) {
        let mut state = self.state();
        let retry_for = self.config.retry_for;
        let last = |offered: &Offered| offered.call.last_result().unwrap_or(offered.at);
        let Some((since, oldest)) =
            state.offered.values().map(|offered| (last(offered), offered)).min_by_key(|o| o.0)
        else {
            return;
        };
        // The messages of a slow cluster wait for others in the client's queue: twice the time.
        let stored =
            state.offered.values().filter_map(|offered| offered.call.last_result()).chain(state.stored).max();
        let goes_on = stored.is_some_and(|stored| stored.elapsed() < self.config.client.timeout());
        let limit = if goes_on { retry_for * 2 } else { retry_for };
        if since.elapsed() < limit || state.failure.is_some() {
            return;
        }
        let topic = oldest.call.topic.clone();
        let reported = client.reported(retry_for, OPERATION, &topic);
        state.failure = Some(Failure::of_time(topic, retry_for, reported));
    }

    /// Looks up the topics of calls that wait, each on a thread of its own: an answer may take a while.
    fn look_up(self: &Arc<Self>, client: &Arc<Client>) {
        let mut state = self.state();
        for (name, topic) in &mut state.topics {
            if topic.is_asked || topic.waiting.is_empty() || topic.info().is_some() {
                continue;
            }
            let (instance, client, name) = (self.clone(), client.clone(), name.clone());
            let thread = std::thread::Builder::new().name("events-kafka-topic".to_owned());
            // Without a thread, the next round tries again.
            topic.is_asked = thread
                .spawn(move || {
                    let found = instance.topics.ensure(client.client(), &name, OPERATION);
                    drop(client);
                    instance.looked_up(&name, found);
                })
                .is_ok();
        }
    }

    fn looked_up(self: &Arc<Self>, name: &Topic, found: Result<TopicInfo, TransportError>) {
        match found {
            Ok(info) => {
                let batch = self.config.client.batch_bytes();
                let is_small = info.max_bytes.is_some_and(|limit| limit < batch);
                if is_small && self.batching == Batching::Configured && self.hand_over(name, info) {
                    return;
                }
                let mut state = self.state();
                let topic = state.topics.entry(name.clone()).or_default();
                topic.set_info(info);
                topic.is_asked = false;
            }
            Err(error) => self.look_up_failed(name, &error),
        }
        self.work.notify_one();
    }

    /// A batch could exceed the topic's limit: its messages are sent alone, by the other instance.
    fn hand_over(self: &Arc<Self>, name: &Topic, info: TopicInfo) -> bool {
        let Some(routes) = self.parent.upgrade() else { return false };
        let mut route = routes.state();
        let Ok(apart) = routes.apart(&mut route) else { return false };
        tracing::info!(
            topic = %name,
            "the topic accepts smaller batches than are configured, so its messages are sent one by one: set \
             `batch.size` to its `max.message.bytes`"
        );
        let mut state = self.state();
        let topic = state.topics.entry(name.clone()).or_default();
        topic.is_asked = false;
        let waiting: Vec<_> = topic.waiting.drain(..).collect();
        drop(state);
        Routes::set_apart(&mut route, name.clone(), None);
        apart.adopt(name, info, waiting);
        true
    }

    /// Waits for a cluster that is unavailable until `retry_for`; what else is wrong fails the calls that wait.
    fn look_up_failed(&self, name: &Topic, error: &TransportError) {
        if error.kind() == ErrorKind::Unavailable {
            std::thread::sleep(AGAIN);
        }
        let mut state = self.state();
        let topic = state.topics.entry(name.clone()).or_default();
        topic.is_asked = false;
        let oldest = topic.waiting.front().map(|waiting| waiting.since.elapsed());
        if error.kind() == ErrorKind::Unavailable && oldest.is_some_and(|age| age < self.config.retry_for) {
            return;
        }
        if topic.waiting.front().is_some_and(|waiting| waiting.first > 0) {
            // The client has the first messages of the call.
            state.failure.get_or_insert_with(|| Failure::of_record(Some(name.clone()), error.clone()));
            return;
        }
        for waiting in std::mem::take(&mut topic.waiting) {
            waiting.call.keep_rest(error);
            waiting.call.reply();
        }
    }
}

fn reply(calls: &[Arc<Call>]) {
    for call in calls {
        call.reply();
    }
}
