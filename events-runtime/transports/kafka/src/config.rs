//! The settings of a `kafka:` URL.

mod security;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use events_transport::{
    ConnectOptions, RetentionPolicy, StartPosition, Target, Topic, TransportError, parse_duration,
};

pub(crate) use self::security::secret;
use crate::client::{ClientSettings, PROPERTIES, Property};
use crate::namespace::Namespace;
use crate::recent_groups::RecentGroups;
use crate::registry::{self, Registry};
use crate::retry_topics::{self, RetryDelays};

/// The settings of this transport; those of librdkafka are [`PROPERTIES`].
const OWN: [&str; 16] = [
    "timeout",
    "retry_for",
    "retry_topics",
    "create_topics",
    "partitions",
    "replication",
    "namespace",
    "ca",
    "password_file",
    "password_env",
    "token_provider",
    "group_protocol",
    "offset_time",
    "retention_age",
    "dead_letter_age",
    "registry",
];

/// The secrets of librdkafka, which `NAME_file` reads from a file and `NAME_env` from the environment.
const SECRETS: [(&str, &str, &str); 8] = [
    ("sasl.username", "sasl.username_file", "sasl.username_env"),
    ("sasl.password", "sasl.password_file", "sasl.password_env"),
    ("ssl.key.password", "ssl.key.password_file", "ssl.key.password_env"),
    ("ssl.key.pem", "ssl.key.pem_file", "ssl.key.pem_env"),
    ("ssl.keystore.password", "ssl.keystore.password_file", "ssl.keystore.password_env"),
    ("sasl.oauthbearer.config", "sasl.oauthbearer.config_file", "sasl.oauthbearer.config_env"),
    (
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.client.secret_file",
        "sasl.oauthbearer.client.secret_env",
    ),
    (
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.assertion.private.key.passphrase_file",
        "sasl.oauthbearer.assertion.private.key.passphrase_env",
    ),
];

const COUNT: usize = OWN.len() + registry::SETTINGS.len() + PROPERTIES.len() + 2 * SECRETS.len();

/// The settings of the URL.
pub(crate) static SETTINGS: [&str; COUNT] = names();

// The indexes are below the lengths that the loops compare.
#[allow(clippy::indexing_slicing)]
const fn names() -> [&'static str; COUNT] {
    let mut all = [""; COUNT];
    let (mut at, mut next) = (0, 0);
    while next < OWN.len() {
        all[at] = OWN[next];
        (at, next) = (at + 1, next + 1);
    }
    next = 0;
    while next < registry::SETTINGS.len() {
        all[at] = registry::SETTINGS[next];
        (at, next) = (at + 1, next + 1);
    }
    next = 0;
    while next < PROPERTIES.len() {
        all[at] = PROPERTIES[next].name;
        (at, next) = (at + 1, next + 1);
    }
    next = 0;
    while next < SECRETS.len() {
        all[at] = SECRETS[next].1;
        all[at + 1] = SECRETS[next].2;
        (at, next) = (at + 2, next + 1);
    }
    all
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// Long enough for a restart of a broker and for the election of a leader.
const DEFAULT_RETRY_FOR: Duration = Duration::from_secs(30);
/// How long a message stays in a retry topic after its delay, at least: the brokers' usual retention.
const RETRIES_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const PORT: u16 = 9092;

/// The protocol of a group's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupProtocol {
    /// The members compute the assignment.
    Classic,
    /// The broker computes the assignment (KIP-848); brokers from Kafka 4.0 on.
    Consumer,
}

/// How missing topics are created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Creation {
    /// The number of partitions; `None` is the broker's default.
    pub(crate) partitions: Option<u16>,
    /// The number of replicas; `None` is the broker's default.
    pub(crate) replication: Option<u16>,
}

/// The settings of the transport.
#[derive(Debug)]
pub(crate) struct Config {
    /// Without secrets.
    pub(crate) url: String,
    pub(crate) client: ClientSettings,
    /// How long messages are sent again while the cluster is unavailable.
    pub(crate) retry_for: Duration,
    /// The delays of retry topics; none if messages wait in their topic.
    pub(crate) retry_delays: RetryDelays,
    /// `None` if missing topics are not created.
    pub(crate) creation: Option<Creation>,
    /// Maps the names of topics and groups to those in the cluster.
    pub(crate) namespace: Namespace,
    pub(crate) group_protocol: GroupProtocol,
    /// Where each start of a consumer moves its group, as Open edX's `offset_time` does.
    pub(crate) offset_time: Option<StartPosition>,
    /// Without one, messages have no frames, and schemas are stored beside their topics.
    pub(crate) registry: Option<Arc<Registry>>,
    pub(crate) recent_groups: RecentGroups,
    retention: RetentionPolicy,
    /// Whether `retention` was configured, so that created topics don't take the broker's default.
    has_retention: bool,
}

impl Config {
    pub(crate) fn read(target: &Target<'_>, options: &ConnectOptions) -> Result<Self, TransportError> {
        target.only(&SETTINGS)?;
        let timeout = duration(target, "timeout", DEFAULT_TIMEOUT)?;
        within(target, "timeout", timeout, Duration::from_secs(1), "a duration from `1s` to `1d`")?;
        let retry_for = duration(target, "retry_for", DEFAULT_RETRY_FOR)?;
        within(target, "retry_for", retry_for, Duration::ZERO, "a duration of at most `1d`")?;
        let mut own = passed(target)?;
        let tokens = security::tokens(target)?;
        let brokers = brokers(target)?;
        security::apply(target, &mut own, tokens.is_some())?;
        let client = options.client.clone().unwrap_or_else(|| "events-runtime".to_owned());
        let client_id = own.entry("client.id").or_insert(client).clone();
        let group_protocol = match target.get("group_protocol") {
            None | Some("classic") => GroupProtocol::Classic,
            Some("consumer") => GroupProtocol::Consumer,
            Some(other) => {
                return Err(target.bad_setting("group_protocol", other, "`classic` or `consumer`"));
            }
        };
        let offset_time = match target.get("offset_time") {
            None => None,
            Some(text) => {
                let time = text.parse().ok().filter(|start| matches!(start, StartPosition::Time(_)));
                let expected = "a time with its offset such as `2026-01-31T12:00:00Z`";
                Some(time.ok_or_else(|| target.bad_setting("offset_time", text, expected))?)
            }
        };
        let namespace = match target.get("namespace") {
            None => Namespace::default(),
            Some(name) => {
                Namespace::new(name).map_err(|error| target.invalid(format!("`namespace`: {error}")))?
            }
        };
        let registry = Registry::open(target, &namespace, &client_id)?.map(Arc::new);
        no_count(target, options)?;
        Ok(Self {
            url: target.shown().to_owned(),
            client: ClientSettings::new(brokers, timeout, own, tokens),
            retry_for,
            retry_delays: retry_delays(target)?,
            creation: creation(target)?,
            namespace,
            registry,
            group_protocol,
            offset_time,
            retention: RetentionPolicy::new(target, options)?,
            recent_groups: RecentGroups::default(),
            has_retention: options.retention.is_some() || target.get("retention_age").is_some(),
        })
    }

    /// The value of `retention.ms` for a new topic; `None` is the broker's default.
    pub(crate) fn retention_ms(&self, topic: &Topic) -> Option<String> {
        let retention = self.retention.of(topic);
        let millis = |age: Duration| Some(age.as_millis().min(i64::MAX as u128).to_string());
        if let Some(delay) = retry_topics::delay_in(topic.as_str())
            && (retention.max_age.is_some() || !self.has_retention)
        {
            // A message must still be there after it has come due, also if its consumers are stopped for some days.
            let kept = retention.max_age.unwrap_or_default().max(RETRIES_KEPT);
            return millis(delay.saturating_add(kept));
        }
        match retention.max_age {
            Some(age) => millis(age),
            // The default of the brokers is a week, which would drop dead letters.
            None => (self.has_retention || topic.holds_dead_letters()).then(|| "-1".to_owned()),
        }
    }
}

/// Kafka removes messages by age, or by the size of a partition.
fn no_count(target: &Target<'_>, options: &ConnectOptions) -> Result<(), TransportError> {
    let all = options.retention.iter().chain(&options.dead_letters).chain(options.topics.values());
    if all.into_iter().any(|retention| retention.max_count.is_some()) {
        let message = "Kafka can't keep a number of messages: set an age, or `retention.bytes` of the topic";
        return Err(target.invalid(message));
    }
    Ok(())
}

pub(crate) fn duration(
    target: &Target<'_>,
    name: &str,
    default: Duration,
) -> Result<Duration, TransportError> {
    match target.get(name) {
        None => Ok(default),
        Some(text) => parse_duration(text).ok_or_else(|| {
            target.bad_setting(name, text, "a duration with its unit, such as `250ms`, `5s` or `7d`")
        }),
    }
}

/// The longest `timeout` and `retry_for`.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Checks the value of a setting that is a duration.
fn within(
    target: &Target<'_>,
    name: &'static str,
    value: Duration,
    least: Duration,
    expected: &'static str,
) -> Result<(), TransportError> {
    if (least..=LONGEST).contains(&value) {
        return Ok(());
    }
    Err(target.bad_setting(name, target.get(name).unwrap_or_default(), expected))
}

fn retry_delays(target: &Target<'_>) -> Result<RetryDelays, TransportError> {
    match target.get("retry_topics") {
        None => Ok(RetryDelays::default()),
        Some(text) => RetryDelays::parse(text).ok_or_else(|| {
            let expected = "up to 8 delays in ascending order, such as `1m,10m,1h`";
            target.bad_setting("retry_topics", text, expected)
        }),
    }
}

fn creation(target: &Target<'_>) -> Result<Option<Creation>, TransportError> {
    let create = match target.get("create_topics") {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(target.bad_setting("create_topics", other, "`true` or `false`")),
    };
    let number = |name| match target.get(name) {
        None => Ok(None),
        Some(_) if !create => {
            Err(target.invalid(format!("`{name}` is for new topics: set `create_topics=true`")))
        }
        Some(text) => match text.parse::<u16>() {
            Ok(number @ 1..=10_000) => Ok(Some(number)),
            _ => Err(target.bad_setting(name, text, "a whole number from 1 to 10000")),
        },
    };
    let (partitions, replication) = (number("partitions")?, number("replication")?);
    Ok(create.then_some(Creation { partitions, replication }))
}

/// The settings of librdkafka, without aliases.
fn passed(target: &Target<'_>) -> Result<BTreeMap<&'static str, String>, TransportError> {
    let mut own = BTreeMap::new();
    for property in &PROPERTIES {
        let Some(value) = target.get(property.name) else { continue };
        let Some(meant) = Property::find(property.name) else { continue };
        if let Some(reason) = meant.objection(value) {
            return Err(target.invalid(format!("`{}` can't be set to this value: {reason}", property.name)));
        }
        insert(target, &mut own, meant.name, property.name, value.to_owned())?;
    }
    for (name, file, variable) in SECRETS {
        if let Some(value) = secret(target, file, variable)? {
            let meant = Property::find(name).map_or(name, |property| property.name);
            insert(target, &mut own, meant, name, value)?;
        }
    }
    if let Some(path) = target.get("ca") {
        insert(target, &mut own, "ssl.ca.location", "ca", path.to_owned())?;
    }
    if own.get("partitioner").is_some_and(|partitioner| partitioner == "random") {
        return Err(target.invalid("`partitioner=random` would spread a key over partitions: use another"));
    }
    Ok(own)
}

/// Sets a value once: two aliases or a value and its file must not contradict each other.
fn insert(
    target: &Target<'_>,
    own: &mut BTreeMap<&'static str, String>,
    meant: &'static str,
    written: &str,
    value: String,
) -> Result<(), TransportError> {
    match own.insert(meant, value) {
        None => Ok(()),
        Some(_) => {
            Err(target.invalid(format!("`{written}` sets `{meant}` a second time: write one of them")))
        }
    }
}

/// The hosts as librdkafka writes them.
fn brokers(target: &Target<'_>) -> Result<String, TransportError> {
    let written = format!(
        "write `{}://host:{PORT},host:{PORT}`, with `/`, `?`, `#` and `@` of a password percent-encoded",
        target.scheme.name
    );
    let hosts = target.raw.rsplit_once('@').map_or(target.raw, |(_, hosts)| hosts);
    let hosts = hosts.strip_suffix('/').unwrap_or(hosts);
    if hosts.is_empty() {
        return Err(target.invalid(format!("the host is missing: {written}")));
    }
    let broker = |host: &str| {
        let name_end = host.rfind(']').unwrap_or(0);
        let (name, port) = match host.get(name_end..)?.find(':') {
            Some(colon) => host.split_at(name_end + colon),
            None => (host, ":9092"),
        };
        let port: u16 = port.strip_prefix(':')?.parse().ok()?;
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
        (!name.is_empty() && name.chars().all(is_name)).then(|| format!("{name}:{port}"))
    };
    let brokers: Option<Vec<_>> = hosts.split(',').map(broker).collect();
    match brokers {
        Some(brokers) => Ok(brokers.join(",")),
        None => Err(target.invalid(format!("the hosts are malformed: {written}"))),
    }
}

#[cfg(test)]
mod tests;
