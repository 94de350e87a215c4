//! Retention: what goes, and when. The server's script never takes what a group has not settled,
//! unless it is told to.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use ::redis::RedisResult;

use super::super::{Retention, Topic, TransportError, Trimmed};
use super::link::{Link, Request};
use super::worker::millis;
use super::{fault, script};

/// So many entries go in one step at most where their number is the limit.
const PORTION: u64 = 1_000;
/// A topic is trimmed after so many messages, or after so long.
const EVERY_COUNT: usize = 1_000;
const EVERY_TIME: Duration = Duration::from_mins(1);

/// What one step removed.
pub(super) struct Portion {
    pub(super) trimmed: Trimmed,
    /// A group holds back what the limits would remove.
    pub(super) held_back: bool,
    /// There may be more to remove.
    pub(super) more: bool,
}

/// Removes some of a topic's entries; `patient` where a server that is away is waited for.
pub(super) async fn portion(
    link: &Link,
    topic: &Topic,
    retention: &Retention,
    patient: bool,
) -> Result<Portion, TransportError> {
    let mut call = script::on(&script::TRIM, topic, None);
    call.arg(retention.max_count.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX)));
    call.arg(retention.max_age.map_or(-1, |age| i64::try_from(millis(age)).unwrap_or(i64::MAX)));
    call.arg(u8::from(retention.drop_unsettled)).arg(PORTION);
    call.arg(link.asker()).arg(link.next_question());
    let request = Request::Script(&call);
    let answer: RedisResult<(u64, u64, u64)> =
        if patient { link.ask(request).await } else { link.ask_once(request).await };
    let (removed, unsettled, held_back) = answer.map_err(|error| fault::explain(error, "trim", topic))?;
    if unsettled > 0 {
        metrics::counter!("events_trimmed_unsettled_total", "topic" => topic.to_string())
            .increment(unsettled);
        tracing::warn!(%topic, unsettled, "retention dropped messages that a group had not settled");
    }
    Ok(Portion {
        trimmed: Trimmed::new(removed, unsettled),
        held_back: held_back > 0,
        more: removed >= PORTION && held_back == 0,
    })
}

/// Removes what the retention says.
pub(super) async fn all(
    link: &Link,
    topic: &Topic,
    retention: &Retention,
) -> Result<Trimmed, TransportError> {
    let mut total = Trimmed::default();
    loop {
        let Portion { trimmed, more, .. } = portion(link, topic, retention, true).await?;
        total.removed += trimmed.removed;
        total.unsettled += trimmed.unsettled;
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
