//! Retention: what goes, and when. The server's script never takes what a group has not settled,
//! unless it is told to.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::{RedisResult, ScriptInvocation};

use super::super::options::RetentionPolicy;
use super::super::{Retention, Topic, TransportError, Trimmed};
use super::config::Config;
use super::connection::{Connection, Request};
use super::worker::millis;
use super::{error, script};

/// So many entries go in one step at most where their number is the limit.
const PORTION: u64 = 1_000;
/// A topic is trimmed after so many messages, or after so long.
const EVERY_COUNT: usize = 1_000;
const EVERY_TIME: Duration = Duration::from_mins(1);

/// What one step removed.
pub(super) struct TrimBatch {
    pub(super) trimmed: Trimmed,
    /// A group holds back what the limits would remove.
    pub(super) held_back: bool,
    /// There may be more to remove.
    pub(super) more: bool,
}

/// Removes some of a topic's entries; `patient` where a server that is away is waited for.
pub(super) async fn portion(
    connection: &Connection,
    topic: &Topic,
    policy: &RetentionPolicy,
    patient: bool,
) -> Result<TrimBatch, TransportError> {
    let mut call = script::on(&script::TRIM, topic, None);
    limits(&mut call, &policy.of(topic));
    call.arg(PORTION).arg(connection.client_id()).arg(connection.next_request());
    limits(&mut call, &policy.of_letters(topic));
    let request = Request::Script(&call);
    let answer: RedisResult<(u64, u64, u64, u64, u64)> =
        if patient { connection.query(request).await } else { connection.query_once(request).await };
    let answer = answer.map_err(|error| error::convert(error, "trim", topic))?;
    let (removed, unsettled, held_back, unread, letters) = answer;
    let trimmed = Trimmed::new(removed, unsettled).with_unread(unread);
    trimmed.tell(topic, letters > 0 || topic.holds_dead_letters());
    Ok(TrimBatch { trimmed, held_back: held_back > 0, more: removed >= PORTION && held_back == 0 })
}

fn limits(call: &mut ScriptInvocation<'_>, retention: &Retention) {
    call.arg(retention.max_count.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX)));
    call.arg(retention.max_age.map_or(-1, |age| i64::try_from(millis(age)).unwrap_or(i64::MAX)));
    call.arg(u8::from(retention.drop_unsettled));
}

/// Has it known beside a topic that it holds dead letters, where its name does not say so.
pub(super) async fn mark_dead_letter_topic(
    config: &Arc<Config>,
    topic: &Topic,
) -> Result<(), TransportError> {
    if topic.holds_dead_letters() {
        return Ok(());
    }
    let connection = Connection::sharing(config.clone(), config.endpoint.destination(topic));
    let mut mark = ::redis::cmd("SET");
    mark.arg(format!("{{{topic}}}::letters")).arg(1);
    let marked = connection.query(Request::Command(&mark)).await;
    marked.map_err(|error| error::convert(error, "subscribe to", topic))
}

/// Removes what the retention says.
pub(super) async fn all(
    connection: &Connection,
    topic: &Topic,
    policy: &RetentionPolicy,
) -> Result<Trimmed, TransportError> {
    let mut total = Trimmed::default();
    loop {
        let TrimBatch { trimmed, more, .. } = portion(connection, topic, policy, true).await?;
        total.add(trimmed);
        if !more {
            return Ok(total);
        }
    }
}

/// When which topic is to be trimmed next.
#[derive(Default)]
pub(super) struct Schedule {
    topics: HashMap<Topic, (usize, Instant)>,
    due: HashSet<Topic>,
    held_back: HashSet<Topic>,
}

impl Schedule {
    /// Takes note of messages that will come.
    pub(super) fn begins(&mut self, topic: &Topic) {
        if !self.topics.contains_key(topic) {
            // At once: a program that writes little, or ends soon, would never come to it.
            self.topics.insert(topic.clone(), (0, Instant::now()));
            self.again(topic.clone());
        }
    }

    /// Takes note of messages that came.
    pub(super) fn appended(&mut self, topic: &Topic, count: usize) {
        let Some((appended, since)) = self.topics.get_mut(topic) else { return };
        *appended += count;
        if *appended >= EVERY_COUNT || since.elapsed() >= EVERY_TIME {
            (*appended, *since) = (0, Instant::now());
            self.again(topic.clone());
        }
    }

    /// A topic that was not trimmed to the end.
    pub(super) fn again(&mut self, topic: Topic) {
        self.due.insert(topic);
    }

    pub(super) fn due(&mut self) -> Vec<Topic> {
        self.due.drain().collect()
    }

    /// Whether it is the first time that a group holds this topic back.
    pub(super) fn first_held_back(&mut self, topic: &Topic) -> bool {
        self.held_back.insert(topic.clone())
    }
}
