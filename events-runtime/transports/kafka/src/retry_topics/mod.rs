//! Retry topics: messages with a long delay wait beside their topic, and hold back nothing in it.
//!
//! With `retry_topics=1m,10m`, a delivery of group `billing` in topic `orders` that is retried after 15 minutes is
//! stored in `orders.billing.retry.10m`, with its attempts and its due time as [headers], and then settled in
//! `orders`. The members of the group read these topics together with `orders`. A message waits there until it is due,
//! and is delivered as a message of `orders`.
//!
//! Delays are nearly equal within a topic, so its messages are due nearly in their order. What is not due is not
//! looked at further, and a partition that has much of it is paused.

pub(crate) mod headers;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use events_transport::{ConsumerGroup, ErrorKind, Subscription, Topic, TransportError, parse_duration};

/// Between the group and the delay in the name of a retry topic.
const INFIX: &str = ".retry.";
/// The most delays of the setting: the members read a topic for each.
const MAX_DELAYS: usize = 8;
/// Units from the longest to the shortest, in milliseconds.
const UNITS: [(&str, u128); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The setting `retry_topics`: delays, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RetryDelays(Vec<Duration>);

impl RetryDelays {
    /// Reads the setting; `None` if it is malformed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let delays: Vec<Duration> =
            text.split(',').map(|delay| parse_duration(delay.trim())).collect::<Option<_>>()?;
        let is_ascending = delays.is_sorted_by(|one, next| one < next);
        let is_valid =
            |delay: &Duration| delay.as_millis() > 0 && delay.subsec_nanos().is_multiple_of(1_000_000);
        (is_ascending && delays.len() <= MAX_DELAYS && delays.iter().all(is_valid)).then_some(Self(delays))
    }

    /// Whether all messages wait in their topic.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The retry topics of a subscription, by their delays.
    ///
    /// # Errors
    /// A [`TransportError`] of kind [`Invalid`](ErrorKind::Invalid) if a name is too long.
    pub(crate) fn topics(&self, subscription: &Subscription) -> Result<RetryTopics, TransportError> {
        if !may_move(subscription) {
            return Ok(RetryTopics::default());
        }
        let Subscription { topic, group, .. } = subscription;
        let named = |delay: &Duration| {
            let name = format!("{topic}.{group}{INFIX}{}", delay_text(*delay));
            let topic = Topic::new(name).map_err(|source| {
                let message = "the name of a retry topic is too long: shorten the topic or the group, or unset `retry_topics`";
                TransportError::new(ErrorKind::Invalid, "subscribe to", topic, message).with_source(source)
            })?;
            Ok((*delay, topic))
        };
        self.0.iter().map(named).collect::<Result<_, _>>().map(RetryTopics)
    }
}

/// Whether messages of a subscription may leave their topic to wait. Dead letters don't: they are handled by people.
pub(crate) fn may_move(subscription: &Subscription) -> bool {
    !subscription.retries_in_place && !subscription.topic.holds_dead_letters()
}

/// The retry topics of a group in a topic, by their delays, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RetryTopics(Vec<(Duration, Topic)>);

impl RetryTopics {
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Duration, &Topic)> {
        self.0.iter().map(|(delay, topic)| (*delay, topic))
    }

    /// The topic for a delay: that of the longest delay that does not exceed it. `None` if the message waits in its
    /// own topic.
    pub(crate) fn of(&self, after: Duration) -> Option<&Topic> {
        self.0.iter().rev().find(|(delay, _)| *delay <= after).map(|(_, topic)| topic)
    }

    /// The retry topics of this group that exist among `names` and are not configured: they had other delays, and
    /// what waits in them is still delivered.
    pub(crate) fn others<'n>(
        &self,
        subscription: &Subscription,
        names: impl Iterator<Item = &'n Topic>,
    ) -> Vec<Topic> {
        let own: BTreeSet<&Topic> = self.0.iter().map(|(_, topic)| topic).collect();
        let is_other = |name: &&Topic| {
            is_of(name.as_str(), &subscription.topic, &subscription.group) && !own.contains(name)
        };
        names.filter(is_other).cloned().collect()
    }
}

/// Whether this is the name of a retry topic of a group in a topic.
pub(crate) fn is_of(name: &str, topic: &Topic, group: &ConsumerGroup) -> bool {
    let after_topic = name.strip_prefix(topic.as_str()).and_then(|rest| rest.strip_prefix('.'));
    let after_group = after_topic.and_then(|rest| rest.strip_prefix(group.as_str()));
    after_group.and_then(|rest| rest.strip_prefix(INFIX)).and_then(delay_of).is_some()
}

/// The delay of a retry topic by its name; `None` for other topics.
pub(crate) fn delay_in(name: &str) -> Option<Duration> {
    let (_, delay) = name.rsplit_once(INFIX)?;
    delay_of(delay)
}

fn delay_of(text: &str) -> Option<Duration> {
    parse_duration(text).filter(|delay| delay_text(*delay) == text)
}

/// A delay in the longest unit that divides it, as in the names of retry topics.
fn delay_text(delay: Duration) -> String {
    let millis = delay.as_millis();
    let unit = UNITS.iter().find(|(_, unit)| millis.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{millis}ms"), |(name, unit)| format!("{}{name}", millis / unit))
}
