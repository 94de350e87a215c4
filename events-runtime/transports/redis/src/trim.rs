//! Applies retention. Unsettled entries are kept unless the policy allows dropping them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::{RedisResult, ScriptInvocation};

use super::config::Config;
use super::connection::{Connection, Request};
use super::worker::millis;
use super::{error, script};
use events_transport::RetentionPolicy;
use events_transport::{Retention, Topic, TransportError, Trimmed};

/// The most entries removed by one call for `retention_count`.
const MAX_ENTRIES: u64 = 1_000;
/// A topic is trimmed after this many messages or this much time.
const EVERY_COUNT: usize = 1_000;
const EVERY_TIME: Duration = Duration::from_secs(60);

/// The result of one call.
pub(super) struct TrimBatch {
    pub(super) trimmed: Trimmed,
    /// A group has not settled entries that retention would remove.
    pub(super) held_back: bool,
    /// There may be more to remove.
    pub(super) more: bool,
}

/// Removes some of a topic's entries. With `retry`, retries while the server is unavailable.
pub(super) async fn trim_batch(
    connection: &Connection,
    topic: &Topic,
    policy: &RetentionPolicy,
    retry: bool,
) -> Result<TrimBatch, TransportError> {
    let mut call = script::on(&script::TRIM, topic, None);
    limits(&mut call, &policy.of(topic));
    call.arg(MAX_ENTRIES).arg(connection.client_id()).arg(connection.next_request());
    limits(&mut call, &policy.of_dead_letters(topic));
    let request = Request::Script(&call);
    let answer: RedisResult<(u64, u64, u64, u64, u64)> =
        if retry { connection.query(request).await } else { connection.query_once(request).await };
    let answer = answer.map_err(|error| error::convert(error, "trim", topic))?;
    let (removed, unsettled, held_back, unread, letters) = answer;
    let trimmed = Trimmed::new(removed, unsettled).with_unread(unread);
    trimmed.report(topic, letters > 0 || topic.holds_dead_letters());
    Ok(TrimBatch { trimmed, held_back: held_back > 0, more: removed >= MAX_ENTRIES && held_back == 0 })
}

fn limits(call: &mut ScriptInvocation<'_>, retention: &Retention) {
    call.arg(retention.max_count.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX)));
    call.arg(retention.max_age.map_or(-1, |age| i64::try_from(millis(age)).unwrap_or(i64::MAX)));
    call.arg(u8::from(retention.drop_unsettled));
}

/// Marks a topic as a dead-letter topic, unless its name shows it.
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

/// Applies retention to a topic completely.
pub(super) async fn trim_all(
    connection: &Connection,
    topic: &Topic,
    policy: &RetentionPolicy,
) -> Result<Trimmed, TransportError> {
    let mut total = Trimmed::default();
    loop {
        let TrimBatch { trimmed, more, .. } = trim_batch(connection, topic, policy, true).await?;
        total.add(trimmed);
        if !more {
            return Ok(total);
        }
    }
}

/// Decides which topics are due for trimming.
#[derive(Default)]
pub(super) struct Schedule {
    topics: HashMap<Topic, (usize, Instant)>,
    due: HashSet<Topic>,
    held_back: HashSet<Topic>,
}

impl Schedule {
    /// Called before messages are sent to a topic.
    pub(super) fn register(&mut self, topic: &Topic) {
        if !self.topics.contains_key(topic) {
            // Trim on first use: a program that sends little or exits soon would never trim.
            self.topics.insert(topic.clone(), (0, Instant::now()));
            self.reschedule(topic.clone());
        }
    }

    /// Called after messages were stored.
    pub(super) fn appended(&mut self, topic: &Topic, count: usize) {
        let Some((appended, since)) = self.topics.get_mut(topic) else { return };
        *appended += count;
        if *appended >= EVERY_COUNT || since.elapsed() >= EVERY_TIME {
            (*appended, *since) = (0, Instant::now());
            self.reschedule(topic.clone());
        }
    }

    /// Makes a topic due, for example because more is left to trim.
    pub(super) fn reschedule(&mut self, topic: Topic) {
        self.due.insert(topic);
    }

    pub(super) fn due(&mut self) -> Vec<Topic> {
        self.due.drain().collect()
    }

    /// Whether this is the first report for a topic with unsettled entries beyond its retention.
    pub(super) fn first_held_back(&mut self, topic: &Topic) -> bool {
        self.held_back.insert(topic.clone())
    }
}
