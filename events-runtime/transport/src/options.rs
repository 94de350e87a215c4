//! How a transport is opened: the URL taken apart, and what does not belong in it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Target, Topic, TransportError, parse_duration};

/// How long and how many messages a topic keeps. Both limits unset: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Retention {
    /// Messages older than this go.
    pub max_age: Option<Duration>,
    /// The oldest messages beyond this count go.
    pub max_count: Option<u64>,
    /// Whether messages that some group has not settled go as well. They are then counted in
    /// [`Trimmed`](super::Trimmed) and in the log; otherwise they stay whatever the limits say.
    pub drop_unsettled: bool,
}

impl Retention {
    /// No limits.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self { max_age: None, max_count: None, drop_unsettled: false }
    }

    /// The same with this age limit.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// The same with this count limit.
    #[must_use]
    pub const fn max_count(mut self, count: u64) -> Self {
        self.max_count = Some(count);
        self
    }

    /// The same, dropping unsettled messages too.
    #[must_use]
    pub const fn drop_unsettled(mut self) -> Self {
        self.drop_unsettled = true;
        self
    }
}

/// What a transport is told besides its URL.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// The service's name: client id, and the beginning of made-up member names.
    pub client: Option<String>,
    /// The retention of topics that have none of their own; where `None`, the transport's
    /// default. `retention_age` and `retention_count` in the URL go before both.
    pub retention: Option<Retention>,
    /// The retention of single topics, by full name.
    pub topics: BTreeMap<Topic, Retention>,
    /// The retention of topics of dead letters that have none of their own; where `None`, they keep
    /// everything. `dead_letter_age` and `dead_letter_count` in the URL go before it.
    pub dead_letters: Option<Retention>,
}

impl ConnectOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with this client name.
    #[must_use]
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.client = Some(client.into());
        self
    }

    /// The same with this retention for all topics without their own.
    #[must_use]
    pub const fn retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// The same with this retention for all topics of dead letters without their own.
    #[must_use]
    pub const fn dead_letters(mut self, retention: Retention) -> Self {
        self.dead_letters = Some(retention);
        self
    }

    /// The same with this retention for one topic.
    #[must_use]
    pub fn topic_retention(mut self, topic: Topic, retention: Retention) -> Self {
        self.topics.insert(topic, retention);
        self
    }
}

/// The retention that a store was opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPolicy {
    default: Retention,
    letters: Retention,
    topics: BTreeMap<Topic, Retention>,
}

impl RetentionPolicy {
    /// The settings of a URL that say it, for [`Target::only`].
    pub const SETTINGS: [&'static str; 4] =
        ["retention_age", "retention_count", "dead_letter_age", "dead_letter_count"];

    /// `usual` is what the transport keeps where nobody says otherwise.
    ///
    /// # Errors
    /// A [`TransportError`] if a limit in the URL is invalid.
    pub fn new(
        target: &Target<'_>,
        options: &ConnectOptions,
        usual: Retention,
    ) -> Result<Self, TransportError> {
        let [age, count, letter_age, letter_count] = Self::SETTINGS;
        Ok(Self {
            default: limits(target, options.retention.unwrap_or(usual), age, count)?,
            letters: limits(target, options.dead_letters.unwrap_or_default(), letter_age, letter_count)?,
            topics: options.topics.clone(),
        })
    }

    /// What a topic keeps: what its own retention says, else what is said for all; a topic of
    /// [dead letters](Topic::holds_dead_letters) keeps everything unless that is said for them.
    pub fn of(&self, topic: &Topic) -> Retention {
        if topic.holds_dead_letters() { self.of_letters(topic) } else { self.own(topic, self.default) }
    }

    /// The same of a topic that is known to hold dead letters, whatever its name.
    pub fn of_letters(&self, topic: &Topic) -> Retention {
        self.own(topic, self.letters)
    }

    fn own(&self, topic: &Topic, else_this: Retention) -> Retention {
        self.topics.get(topic).copied().unwrap_or(else_this)
    }
}

/// The same with the limits that the URL says under these names.
fn limits(
    target: &Target<'_>,
    mut retention: Retention,
    age: &str,
    count: &str,
) -> Result<Retention, TransportError> {
    if let Some(text) = target.get(age) {
        retention.max_age = parse_limit(text, parse_duration)
            .map_err(|()| target.bad_setting(age, text, "`12h`, `7d` or `unlimited`"))?;
    }
    if let Some(text) = target.get(count) {
        retention.max_count = parse_limit(text, |count| count.parse().ok())
            .map_err(|()| target.bad_setting(count, text, "a whole number or `unlimited`"))?;
    }
    Ok(retention)
}

/// A limit, or none where the text is `unlimited`; the error is for the caller to word.
fn parse_limit<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ()> {
    if text == "unlimited" {
        return Ok(None);
    }
    parse(text).map(Some).ok_or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letters_are_kept_unless_their_own_retention_says_otherwise() {
        let of = |url: &str, options: &ConnectOptions, topic: &str| {
            let policy = RetentionPolicy::new(
                &Target::parse(url).unwrap(),
                options,
                Retention::unlimited().max_count(9),
            );
            policy.unwrap().of(&Topic::new(topic).unwrap())
        };
        let (orders, letters) = ("orders", "orders.billing.dlq");
        let unlimited = Retention::unlimited();
        let week = ConnectOptions::new().retention(unlimited.max_age(Duration::from_secs(168 * 60 * 60)));
        for options in [&ConnectOptions::new(), &week] {
            assert_eq!(of("memory:?retention_age=1s", options, letters), unlimited);
            assert_ne!(of("memory:?retention_age=1s", options, orders), unlimited);
        }
        let said = unlimited.max_count(3);
        assert_eq!(of("memory:?dead_letter_count=3", &week, letters), said);
        assert_eq!(of("memory:", &week.clone().dead_letters(said), letters), said);
        let own = week.clone().topic_retention(Topic::new(letters).unwrap(), unlimited.max_count(5));
        assert_eq!(of("memory:?dead_letter_count=3", &own, letters), unlimited.max_count(5));
        assert_eq!(of("memory:?dead_letter_count=3", &week, orders), week.retention.unwrap());
    }
}
