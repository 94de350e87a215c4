//! What an instance has under way.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use events_transport::{ErrorKind, Message, Topic, TransportError};

use super::OPERATION;
use super::call::Call;
use super::instance::Client;
use crate::client::TopicInfo;

/// How long what the cluster said of a topic is valid: its limit may be changed.
const VALID: Duration = Duration::from_secs(300);

#[derive(Default)]
pub(super) struct State {
    /// `None` if no other client could be created after a failure.
    pub(super) client: Option<Arc<Client>>,
    pub(super) topics: HashMap<Topic, TopicState>,
    /// The calls with records in the client, by number.
    pub(super) offered: BTreeMap<u64, Offered>,
    /// The number of the next call.
    pub(super) next: u64,
    /// When the last record of a call was stored.
    pub(super) stored: Option<Instant>,
    /// Why the client must be replaced. Nothing is offered to it any more.
    pub(super) failure: Option<Failure>,
    /// The calls that got their last result after the failure. They are answered when every call that was accepted
    /// before has failed: a message that is sent again must not overtake an earlier one.
    pub(super) finished: Vec<Arc<Call>>,
    pub(super) closed: bool,
}

/// A call with records in the client.
pub(super) struct Offered {
    pub(super) call: Arc<Call>,
    pub(super) at: Instant,
}

#[derive(Default)]
pub(super) struct TopicState {
    info: Option<(TopicInfo, Instant)>,
    /// Whether a thread looks the topic up.
    pub(super) is_asked: bool,
    pub(super) waiting: VecDeque<Waiting>,
}

/// A call, or the rest of one, that was not offered to the client yet.
pub(super) struct Waiting {
    pub(super) call: Arc<Call>,
    pub(super) number: u64,
    /// The index of the first of these messages in the call.
    pub(super) first: usize,
    pub(super) messages: VecDeque<Message>,
    pub(super) since: Instant,
}

/// Why all messages under way fail.
pub(super) struct Failure {
    /// The topic whose record failed; `None` if the cause is not one topic.
    pub(super) topic: Option<Topic>,
    kind: ErrorKind,
    message: String,
    cause: Option<TransportError>,
}

impl TopicState {
    /// What the cluster says of the topic, unless it was asked long ago.
    pub(super) fn info(&self) -> Option<TopicInfo> {
        self.info.filter(|(_, at)| at.elapsed() < VALID).map(|(info, _)| info)
    }

    pub(super) fn set_info(&mut self, info: TopicInfo) {
        self.info = Some((info, Instant::now()));
    }

    /// Asks again before the next message.
    pub(super) fn forget(&mut self) {
        self.info = None;
    }
}

impl Failure {
    /// A record failed, so that those after it are withdrawn.
    pub(super) fn of_record(topic: Option<Topic>, cause: TransportError) -> Self {
        let message = "the message was withdrawn, since an earlier one failed: send it again".to_owned();
        Self { topic, kind: ErrorKind::Unavailable, message, cause: Some(cause) }
    }

    /// The client can't go on.
    pub(super) fn of_client(cause: Option<TransportError>) -> Self {
        let (kind, message) = match &cause {
            Some(cause) if cause.kind() != ErrorKind::Unavailable => {
                (cause.kind(), "the client of Kafka can't send: see the cause")
            }
            _ => {
                (ErrorKind::Unavailable, "the client of Kafka failed and is replaced: send the message again")
            }
        };
        Self { topic: None, kind, message: message.to_owned(), cause }
    }

    /// A record was not acknowledged in time. `cause` is what the client reported meanwhile.
    pub(super) fn of_time(topic: Topic, retry_for: Duration, cause: Option<TransportError>) -> Self {
        // For example a password that was changed.
        let rejected = cause.as_ref().filter(|cause| cause.kind() == ErrorKind::Permission);
        let kind = rejected.map_or(ErrorKind::Unavailable, TransportError::kind);
        let what = if rejected.is_some() { "the cause says what to change" } else { "check its brokers" };
        let message = format!(
            "the cluster did not acknowledge the messages within {retry_for:?} (`retry_for`): {what}; what is sent \
             again may be stored twice, with the same id"
        );
        Self { topic: Some(topic), kind, message, cause }
    }

    /// The error of a message.
    pub(super) fn error(&self, topic: &Topic) -> TransportError {
        let error = TransportError::new(self.kind, OPERATION, topic, &*self.message);
        match &self.cause {
            Some(cause) => error.with_source(cause.clone()),
            None => error,
        }
    }
}

impl State {
    /// Whether no message is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.offered.is_empty() && self.topics.values().all(|topic| topic.waiting.is_empty())
    }

    /// Of the known topics, the one whose call waits longest.
    pub(super) fn oldest_ready(&self) -> Option<Topic> {
        let known = self.topics.iter().filter(|(_, topic)| topic.info().is_some());
        let waiting = known.filter_map(|(name, topic)| Some((topic.waiting.front()?.since, name)));
        waiting.min().map(|(_, name)| name.clone())
    }

    /// Fails everything that was accepted. Returns the calls to answer.
    pub(super) fn fail_all(&mut self, failure: &Failure) -> Vec<Arc<Call>> {
        let mut open: BTreeMap<u64, Arc<Call>> = std::mem::take(&mut self.offered)
            .into_iter()
            .map(|(number, offered)| (number, offered.call))
            .collect();
        for topic in self.topics.values_mut() {
            open.extend(topic.waiting.drain(..).map(|waiting| (waiting.number, waiting.call)));
        }
        for call in open.values() {
            call.keep_rest(&failure.error(&call.topic));
        }
        let mut calls = std::mem::take(&mut self.finished);
        for call in &calls {
            call.hold_back_later();
        }
        calls.extend(open.into_values());
        calls
    }
}
