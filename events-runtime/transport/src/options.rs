//! Options of a transport besides its URL, and retention.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Target, Topic, TransportError, parse_duration};

/// How long and how many messages a topic keeps. Without limits, it keeps everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Retention {
    /// Removes messages that are older than this.
    pub max_age: Option<Duration>,
    /// Removes the oldest messages beyond this count.
    pub max_count: Option<u64>,
    /// Whether messages that some group has not settled are removed, too. [`Trimmed`](super::Trimmed) and
    /// the log then report their number. Otherwise the limits do not apply to them.
    pub drop_unsettled: bool,
}

impl Retention {
    /// The default of transports that store on disk: a week, which is also Kafka's default.
    pub const WEEK: Self = Self::unlimited().max_age(Duration::from_secs(7 * 24 * 60 * 60));

    /// No limits.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self { max_age: None, max_count: None, drop_unsettled: false }
    }

    /// Sets the age limit.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Sets the count limit.
    #[must_use]
    pub const fn max_count(mut self, count: u64) -> Self {
        self.max_count = Some(count);
        self
    }

    /// Removes unsettled messages, too.
    #[must_use]
    pub const fn drop_unsettled(mut self) -> Self {
        self.drop_unsettled = true;
        self
    }
}

/// The options of a transport besides its URL.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// The service's name: the client id, and the prefix of generated member names.
    pub client: Option<String>,
    /// The retention of topics without their own; `None` is the transport's default. `retention_age` and
    /// `retention_count` in the URL override both.
    pub retention: Option<Retention>,
    /// The retention of single topics, by full name.
    pub topics: BTreeMap<Topic, Retention>,
    /// The retention of dead-letter topics without their own; with `None`, they keep everything.
    /// `dead_letter_age` and `dead_letter_count` in the URL override it.
    pub dead_letters: Option<Retention>,
}

impl ConnectOptions {
    /// The default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the client name.
    #[must_use]
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.client = Some(client.into());
        self
    }

    /// Sets the retention of topics without their own.
    #[must_use]
    pub const fn retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Sets the retention of dead-letter topics without their own.
    #[must_use]
    pub const fn dead_letters(mut self, retention: Retention) -> Self {
        self.dead_letters = Some(retention);
        self
    }

    /// Sets the retention of one topic.
    #[must_use]
    pub fn topic_retention(mut self, topic: Topic, retention: Retention) -> Self {
        self.topics.insert(topic, retention);
        self
    }
}

/// The retention of each topic of a store, from the options and the URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionPolicy {
    default: Retention,
    dead_letters: Retention,
    topics: BTreeMap<Topic, Retention>,
}

impl RetentionPolicy {
    /// The names of the settings in a URL, for [`Target::only`].
    pub const SETTINGS: [&'static str; 4] =
        ["retention_age", "retention_count", "dead_letter_age", "dead_letter_count"];

    /// The retention of the scheme applies unless the options or the URL set another.
    ///
    /// # Errors
    /// A [`TransportError`] if a limit in the URL is invalid.
    pub fn new(target: &Target<'_>, options: &ConnectOptions) -> Result<Self, TransportError> {
        let [age, count, letter_age, letter_count] = Self::SETTINGS;
        Ok(Self {
            default: limits(target, options.retention.unwrap_or(target.scheme.retention), age, count)?,
            dead_letters: limits(target, options.dead_letters.unwrap_or_default(), letter_age, letter_count)?,
            topics: options.topics.clone(),
        })
    }

    /// The retention of a topic: its own, or the one for all topics, or for a
    /// [dead-letter topic](Topic::holds_dead_letters) the one for all of those.
    pub fn of(&self, topic: &Topic) -> Retention {
        if topic.holds_dead_letters() { self.of_dead_letters(topic) } else { self.own(topic, self.default) }
    }

    /// The retention of a topic that holds dead letters, whatever its name.
    pub fn of_dead_letters(&self, topic: &Topic) -> Retention {
        self.own(topic, self.dead_letters)
    }

    fn own(&self, topic: &Topic, default: Retention) -> Retention {
        self.topics.get(topic).copied().unwrap_or(default)
    }
}

/// The retention with the limits that the URL sets under these names.
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

/// Parses a limit; `unlimited` is none. The caller creates the error.
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
    fn dead_letters_are_kept_unless_they_have_a_retention_of_their_own() {
        let of = |url: &str, options: &ConnectOptions, topic: &str| {
            let policy = RetentionPolicy::new(&Target::parse(url).unwrap(), options);
            policy.unwrap().of(&Topic::new(topic).unwrap())
        };
        let (orders, letters) = ("orders", "orders.billing.dlq");
        let unlimited = Retention::unlimited();
        let week = ConnectOptions::new().retention(Retention::WEEK);
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
