//! How a transport is opened: the URL taken apart, and what does not belong in it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::url::{BusUrlError, Url, mask, percent_decode};
use super::{ErrorKind, Topic, TransportError};

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
pub(super) struct RetentionPolicy {
    default: Retention,
    letters: Retention,
    topics: BTreeMap<Topic, Retention>,
}

impl RetentionPolicy {
    /// The settings of a URL that say it, for [`Target::only`].
    pub(super) const SETTINGS: [&'static str; 4] =
        ["retention_age", "retention_count", "dead_letter_age", "dead_letter_count"];

    /// `usual` is what the transport keeps where nobody says otherwise.
    pub(super) fn new(
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
    pub(super) fn of(&self, topic: &Topic) -> Retention {
        if topic.holds_dead_letters() { self.of_letters(topic) } else { self.own(topic, self.default) }
    }

    /// The same of a topic that is known to hold dead letters, whatever its name.
    pub(super) fn of_letters(&self, topic: &Topic) -> Retention {
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

/// `250ms`, `30s`, `15m`, `12h`, `7d`.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// What a transport reads of its URL.
#[derive(Debug)]
pub(super) struct Target<'a> {
    /// The scheme in lower case.
    pub(super) scheme: &'static str,
    /// What stands behind the scheme, percent-decoded.
    pub(super) path: String,
    /// The same as it is written, with the user and the password that it may hold.
    #[cfg_attr(not(feature = "redis"), expect(dead_code))]
    pub(super) raw: &'a str,
    /// Whether the path looks like `user:password@host`.
    #[cfg_attr(not(feature = "embedded"), expect(dead_code))]
    pub(super) has_login: bool,
    settings: Vec<(&'a str, String)>,
    /// The URL as it may be shown.
    shown: String,
    /// Whether the settings may be part of a password.
    keep_quiet: bool,
}

impl<'a> Target<'a> {
    pub(super) fn parse(url: &'a str) -> Result<Self, TransportError> {
        let shown = mask(url);
        let wrong = |message: &str| TransportError::new(ErrorKind::Invalid, "connect to", &shown, message);
        let parts = Url::parse(url).map_err(|error| {
            let kind = match &error {
                BusUrlError::NotBuilt { .. } => ErrorKind::Unsupported,
                _ => ErrorKind::Invalid,
            };
            let message = match &error {
                BusUrlError::Empty | BusUrlError::NoScheme => format!("the URL {error}"),
                _ => error.to_string(),
            };
            TransportError::new(kind, "connect to", &shown, message)
        })?;
        let decode = |text: &str| {
            percent_decode(text)
                .ok_or_else(|| wrong("a `%` must be followed by two hexadecimal digits of UTF-8 text"))
        };
        let mut settings = Vec::new();
        for pair in parts.query.iter().flat_map(|query| query.split('&')) {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(wrong("settings after `?` are written `name=value`, joined by `&`"));
            };
            settings.push((name, decode(value)?));
        }
        let path = decode(parts.rest)?;
        let keep_quiet = parts.query_may_be_secret();
        let Url { scheme, rest: raw, has_login, .. } = parts;
        Ok(Self { scheme, path, raw, has_login, settings, shown, keep_quiet })
    }

    /// The URL without secrets.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The last value of a setting.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.settings.iter().rev().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    /// Refuses settings that the transport does not know, so that a slip is not a silent no-op.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), TransportError> {
        match self.settings.iter().find(|(name, _)| !known.contains(name)) {
            None => Ok(()),
            Some(_) if self.keep_quiet => Err(self.not_encoded()),
            Some((name, _)) => {
                Err(self.invalid(format!("there is no setting `{name}`; there are {}", list(known))))
            }
        }
    }

    pub(super) fn bad_setting(&self, name: &str, value: &str, expected: &str) -> TransportError {
        if self.keep_quiet {
            return self.not_encoded();
        }
        self.invalid(format!("`{name}={value}` is not understood: write {expected}"))
    }

    pub(super) fn invalid(&self, message: impl Into<String>) -> TransportError {
        TransportError::new(ErrorKind::Invalid, "connect to", &self.shown, message)
    }

    /// The settings are not quoted where they may be the end of a password.
    fn not_encoded(&self) -> TransportError {
        self.invalid(
            "its settings are not understood: write a `?` and an `@` of a password or a setting as `%3F` and `%40`",
        )
    }
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let target = Target::parse("sqlite:///var/a%20b.db?synchronous=full&busy_timeout=5s").unwrap();
        assert_eq!((target.scheme, target.path.as_str()), ("sqlite", "/var/a b.db"));
        assert_eq!(target.get("busy_timeout"), Some("5s"));
        assert_eq!(Target::parse("sqlite:events.db").unwrap().path, "events.db");
        assert_eq!(Target::parse("sqlite://events.db").unwrap().path, "events.db");
        assert_eq!(Target::parse("memory:").unwrap().path, "");
    }

    #[test]
    fn a_wrong_url_says_what_to_write() {
        assert!(Target::parse("events.db").unwrap_err().to_string().contains("`memory:`"));
        assert!(Target::parse("sqlite:a%zz").is_err());
        let error = Target::parse("memory:?sync=1").unwrap().only(&["retention_age"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "can't connect to `memory:?sync=***`: there is no setting `sync`; there are `retention_age`"
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        for url in [
            "nats://me:hunter2@host",
            "nats:me:hunter2@host",
            "me:hunter2@host",
            "redis//me:hunter2@host",
            "hunter2",
            "memory:?token=hunter2",
            "memory:x?password=hunter2&sync",
            "memory:%zz?password=hunter2",
            "memory:me:hunter2@x%zz",
        ] {
            let error = match Target::parse(url) {
                Err(error) => error,
                Ok(target) => target.only(&["retention_age"]).unwrap_err(),
            };
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}: {error:?}");
        }
    }

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

    #[test]
    fn a_duration_needs_its_unit() {
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("7d"), Some(Duration::from_secs(7 * 24 * 60 * 60)));
        assert_eq!(parse_duration("30"), None);
        assert_eq!(parse_duration("s"), None);
        assert_eq!(parse_duration("99999999999999999999d"), None);
    }
}
