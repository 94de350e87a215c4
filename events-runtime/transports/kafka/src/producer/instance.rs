//! One client of librdkafka at a time: accepts calls, and keeps the outcomes of records.

use std::borrow::Cow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use events_transport::{ErrorKind, Message, Topic, TransportError};

use super::call::Call;
use super::state::{Failure, Offered, State, TopicState, Waiting};
use super::{OPERATION, Parent, size};
use crate::client::{Batching, Failed, Native, Receipt, Refused, Stored, TopicInfo, Topics};
use crate::config::Config;

pub(super) type Client = Native<Ticket>;

/// A client of librdkafka, which is replaced after a failure.
pub(super) struct Instance {
    pub(super) config: Arc<Config>,
    pub(super) topics: Arc<Topics>,
    pub(super) batching: Batching,
    pub(super) parent: Parent,
    state: Mutex<State>,
    /// Wakes the thread when an idle client gets work.
    pub(super) work: Condvar,
}

/// The receipt of one record.
pub(super) struct Ticket {
    instance: Arc<Instance>,
    call: Arc<Call>,
    number: u64,
    index: usize,
}

impl Receipt for Ticket {
    fn deliver(self, outcome: Result<Stored, Failed>) {
        self.instance.delivered(&self, outcome);
    }
}

/// What became of messages that were offered to the client.
enum Offer {
    /// The client has them, or they have a result.
    Done,
    /// The client has this number of them; the rest waits.
    Waits(usize),
}

impl Instance {
    /// Connects, and starts the thread. Blocks.
    pub(super) fn connect(
        config: &Arc<Config>,
        topics: &Arc<Topics>,
        batching: Batching,
        parent: Parent,
    ) -> Result<Arc<Self>, TransportError> {
        let client = Client::create(&config.client, batching, "connect to", &config.url)?;
        client.reach(config.client.timeout(), "connect to", &config.url)?;
        Self::run(config, topics, batching, parent, client)
    }

    /// Starts without waiting for the cluster.
    pub(super) fn start(
        config: &Arc<Config>,
        topics: &Arc<Topics>,
        batching: Batching,
        parent: Parent,
    ) -> Result<Arc<Self>, TransportError> {
        let client = Client::create(&config.client, batching, "connect to", &config.url)?;
        Self::run(config, topics, batching, parent, client)
    }

    fn run(
        config: &Arc<Config>,
        topics: &Arc<Topics>,
        batching: Batching,
        parent: Parent,
        client: Client,
    ) -> Result<Arc<Self>, TransportError> {
        let instance = Arc::new(Self {
            config: config.clone(),
            topics: topics.clone(),
            batching,
            parent,
            state: Mutex::new(State { client: Some(Arc::new(client)), ..State::default() }),
            work: Condvar::new(),
        });
        let serving = instance.clone();
        let thread = std::thread::Builder::new().name("events-kafka-send".to_owned());
        match thread.spawn(move || serving.serve()) {
            Ok(_) => Ok(instance),
            Err(source) => {
                let message = "the system can't start a thread: check its limits";
                Err(TransportError::new(ErrorKind::Unavailable, "connect to", &config.url, message)
                    .with_source(source))
            }
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts no more calls; the thread ends after those that it has.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.work.notify_one();
    }

    /// Whether no message of the topic is under way.
    pub(super) fn is_idle(&self, topic: &Topic) -> bool {
        let state = self.state();
        let waits = state.topics.get(topic).is_some_and(|topic| !topic.waiting.is_empty());
        !waits && !state.offered.values().any(|offered| offered.call.topic == *topic)
    }

    /// Accepts a call. Its messages are offered to the client now, or after those of the topic that wait.
    pub(super) fn submit(self: &Arc<Self>, call: &Arc<Call>, batch: &[Message]) {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        let topic = state.topics.get(&call.topic).filter(|topic| topic.waiting.is_empty());
        let info = topic.and_then(TopicState::info).filter(|_| state.failure.is_none());
        let offer = match (info, state.client.clone()) {
            (Some(_), Some(_)) if !call.admit() => {
                call.reply();
                return;
            }
            (Some(info), Some(client)) => {
                state.offered.insert(number, Offered { call: call.clone(), at: Instant::now() });
                self.offer(&mut state, &client, info, (call, number, 0), batch.iter())
            }
            _ => Offer::Waits(0),
        };
        if let Offer::Waits(first) = offer {
            let messages = batch.iter().skip(first).cloned().collect();
            let since = Instant::now();
            let waiting = Waiting { call: call.clone(), number, first, messages, since };
            state.topics.entry(call.topic.clone()).or_default().waiting.push_back(waiting);
        }
        drop(state);
        self.work.notify_one();
    }

    /// Takes over the calls of a topic from another instance.
    pub(super) fn adopt(&self, topic: &Topic, info: TopicInfo, waiting: impl IntoIterator<Item = Waiting>) {
        let mut state = self.state();
        for mut waiting in waiting {
            waiting.number = state.next;
            state.next += 1;
            state.topics.entry(topic.clone()).or_default().waiting.push_back(waiting);
        }
        state.topics.entry(topic.clone()).or_default().set_info(info);
        drop(state);
        self.work.notify_one();
    }

    /// Offers what waits for the topics that are known, until the client's queue is full.
    pub(super) fn offer_waiting(self: &Arc<Self>, client: &Client) {
        let mut state = self.state();
        while state.failure.is_none()
            && let Some(name) = state.oldest_ready()
        {
            let Some(topic) = state.topics.get_mut(&name) else { return };
            let Some(info) = topic.info() else { return };
            let Some(mut waiting) = topic.waiting.pop_front() else { return };
            if waiting.first == 0 && !waiting.call.admit() {
                waiting.call.reply();
                continue;
            }
            let offered = Offered { call: waiting.call.clone(), at: Instant::now() };
            state.offered.entry(waiting.number).or_insert(offered);
            let call = (&waiting.call.clone(), waiting.number, waiting.first);
            if let Offer::Waits(count) = self.offer(&mut state, client, info, call, waiting.messages.iter()) {
                waiting.messages.drain(..count);
                waiting.first += count;
                state.topics.entry(name).or_default().waiting.push_front(waiting);
                return;
            }
        }
    }

    fn offer<'m>(
        self: &Arc<Self>,
        state: &mut State,
        client: &Client,
        info: TopicInfo,
        (call, number, first): (&Arc<Call>, u64, usize),
        messages: impl Iterator<Item = &'m Message>,
    ) -> Offer {
        for (count, message) in messages.enumerate() {
            let index = first + count;
            let message = match self.prepare(info, call, message) {
                Ok(message) => message,
                Err(error) => {
                    Self::refuse_from(state, call, number, index, error);
                    return Offer::Done;
                }
            };
            let ticket = Ticket { instance: self.clone(), call: call.clone(), number, index };
            match client.offer(&call.name, &message, ticket) {
                Ok(()) => {}
                Err(Refused::QueueFull) => return Offer::Waits(count),
                Err(Refused::Broken) => {
                    let fatal = || Failure::of_client(client.fatal(OPERATION, &call.topic));
                    state.failure.get_or_insert_with(fatal);
                    return Offer::Waits(count);
                }
                Err(Refused::Record(error)) => {
                    Self::refuse_from(state, call, number, index, error);
                    return Offer::Done;
                }
            }
        }
        Offer::Done
    }

    /// Refuses a message, and the rest of its call: a later message of its key must not be stored before it.
    fn refuse_from(state: &mut State, call: &Arc<Call>, number: u64, index: usize, error: TransportError) {
        let message = "an earlier message of the call was refused: send the messages one by one";
        let rest = TransportError::new(ErrorKind::Unavailable, OPERATION, &call.topic, message);
        if !error.kind().is_of_message() {
            // It is sent again, so later calls must not be stored before it either.
            state.failure.get_or_insert_with(|| Failure::of_record(None, error.clone()));
        }
        if call.keep_from(index, error, &rest) {
            Self::finish(state, number, call);
        }
    }

    /// The message as it is stored, checked.
    fn prepare<'m>(
        &self,
        info: TopicInfo,
        call: &Call,
        message: &'m Message,
    ) -> Result<Cow<'m, Message>, TransportError> {
        let message = match &self.config.registry {
            Some(registry) => Cow::Owned(registry.frame(&call.topic, message)?),
            None => Cow::Borrowed(message),
        };
        self.check(info, call, &message)?;
        Ok(message)
    }

    /// Checks what librdkafka does not: a name of a header is a C string, and the limit is the topic's.
    fn check(&self, info: TopicInfo, call: &Call, message: &Message) -> Result<(), TransportError> {
        if message.headers.iter().any(|(name, _)| name.contains('\0')) {
            let text = "the name of a header contains a NUL: use another name";
            return Err(TransportError::new(ErrorKind::Refused, OPERATION, &call.topic, text));
        }
        let Some(limit) = info.max_bytes else { return Ok(()) };
        let bytes = size::of_batch(message);
        // A compressed batch may be within the limit.
        if bytes <= limit || self.config.client.is_compressed() {
            return Ok(());
        }
        let text = format!(
            "the message has {bytes} bytes and the topic accepts {limit}: send a reference to the data, or increase \
             `max.message.bytes` of the topic"
        );
        Err(TransportError::new(ErrorKind::TooLarge, OPERATION, &call.topic, text))
    }

    /// Keeps the outcome of a record. Called by the thread, while it serves the client.
    fn delivered(&self, ticket: &Ticket, outcome: Result<Stored, Failed>) {
        let topic = &ticket.call.topic;
        let result = match outcome {
            Ok(Stored { position, is_duplicate }) => {
                if is_duplicate {
                    metrics::counter!("events_send_duplicates_total", "topic" => topic.to_string())
                        .increment(1);
                }
                Ok(position)
            }
            Err(failed) => Err(self.failed(topic, failed)),
        };
        let is_stored = result.is_ok();
        if !ticket.call.keep(ticket.index, result) {
            return;
        }
        let mut state = self.state();
        if is_stored {
            state.stored = Some(Instant::now());
        }
        Self::finish(&mut state, ticket.number, &ticket.call);
    }

    /// Converts the outcome of a failed record, and remembers that the client must be replaced.
    fn failed(&self, topic: &Topic, failed: Failed) -> TransportError {
        if failed.is_uncertain() {
            metrics::counter!("events_send_uncertain_total", "topic" => topic.to_string()).increment(1);
        }
        let mut state = self.state();
        if failed.is_missing_topic() {
            // It was deleted: the next send looks it up.
            state.topics.entry(topic.clone()).or_default().forget();
        }
        if failed.is_of_client() {
            let fatal = state.client.as_ref().and_then(|client| client.fatal(OPERATION, topic));
            return state.failure.get_or_insert_with(|| Failure::of_client(fatal)).error(topic);
        }
        let error = if failed.is_too_large() && self.batching != Batching::Alone {
            let message = "the broker rejected a batch as too large: its messages are sent one by one for a while; \
                           set `batch.size` to `max.message.bytes` of the topic";
            TransportError::new(ErrorKind::Unavailable, OPERATION, topic, message)
                .with_source(failed.error(OPERATION, topic))
        } else {
            failed.error(OPERATION, topic)
        };
        state.failure.get_or_insert_with(|| Failure::of_record(Some(topic.clone()), error.clone()));
        error
    }

    /// Answers a call whose messages all have a result, or keeps it until the client is replaced.
    fn finish(state: &mut State, number: u64, call: &Arc<Call>) {
        state.offered.remove(&number);
        if state.failure.is_some() {
            state.finished.push(call.clone());
        } else {
            call.reply();
        }
    }
}
