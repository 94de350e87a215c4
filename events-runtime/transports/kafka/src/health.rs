//! Checks the cluster for `doctor`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::admin::{GroupOffsets, of_topic, partitions, user_topic};
use super::client::admin::{
    self as client, Call, ClusterInfo, Committed, Session, Settings, TopicInfo, TopicPartition,
};
use super::config::Config;
use super::writer_schemas::{MAX_RECORD_BYTES, holds_schemas, schema_topic};
use events_transport::{Health, Topic, TransportError};

/// The most topics whose settings are read.
const MAX_TOPICS: usize = 1000;
/// The most topics that a fact names.
const NAMED: usize = 5;
/// The default of librdkafka.
const DEFAULT_MESSAGE_BYTES: u64 = 1_000_000;
/// Kafka's default for the progress of a group without members.
const USUAL_OFFSETS_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A fact, and whether an operator should change it.
#[derive(Debug, PartialEq, Eq)]
struct Fact {
    name: &'static str,
    value: String,
    is_warning: bool,
}

impl Fact {
    const fn new(name: &'static str, value: String) -> Self {
        Self { name, value, is_warning: false }
    }

    const fn warning(name: &'static str, value: String) -> Self {
        Self { name, value, is_warning: true }
    }
}

/// A topic and what is known about it.
#[derive(Debug)]
struct FoundTopic {
    topic: Topic,
    info: TopicInfo,
    /// `None` if this user may not read them.
    settings: Option<Settings>,
    ranges: BTreeMap<TopicPartition, Range<u64>>,
    groups: Vec<GroupOffsets>,
    /// The first offset in each partition whose message is in the last three quarters of the retention; absent if
    /// there is no message.
    recent: BTreeMap<TopicPartition, u64>,
}

impl FoundTopic {
    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.as_ref()?.get(name).map(String::as_str)
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.setting(name)?.parse().ok()
    }
}

/// Reports brokers, permissions, replication, retention and limits; an error if the cluster can't be reached.
pub(super) async fn check(config: &Arc<Config>) -> Result<Health, TransportError> {
    client::run(config, Call::new("check", &config.url), |session| {
        let cluster = session.cluster()?;
        let broker = match cluster.brokers.first() {
            Some((id, _)) => session.broker_settings(*id)?,
            None => None,
        };
        let topics = found_topics(session, &cluster)?;
        let schema_settings = schema_settings(session, &cluster)?;
        let may_create = session.may_create(&session.config().namespace.kafka_group_name("events.doctor"))?;
        let config = session.config();
        let mut facts = vec![
            Fact::new("brokers", brokers(&cluster, broker.as_ref())),
            Fact::new("client", format!("librdkafka {}", client::version())),
            permissions(broker.is_some(), &topics, config.creation.is_some(), may_create),
            replication(&topics, cluster.brokers.len()),
        ];
        facts.extend(out_of_sync(&topics));
        facts.extend(unclean_election(&topics));
        facts.push(message_size(&topics, broker.as_ref(), config));
        facts.extend(cleanup(&topics));
        facts.push(retention(&topics, config));
        facts.extend(behind(&topics));
        facts.extend(offsets(broker.as_ref()));
        facts.extend(dead_letters(&topics, config.creation.is_some()));
        facts.extend(schemas(&schema_settings, &topics, config));
        facts.push(Fact::new("topics", topics.len().to_string()));
        let warnings = facts.iter().filter(|fact| fact.is_warning).map(|fact| fact.name).collect();
        Ok(Health::new(facts.into_iter().map(|fact| (fact.name, fact.value)).collect(), warnings))
    })
    .await
}

fn found_topics(session: &Session, cluster: &ClusterInfo) -> Result<Vec<FoundTopic>, TransportError> {
    let infos = cluster.topics.iter().filter_map(|info| Some((user_topic(session, info)?, info.clone())));
    let infos: Vec<_> = infos.take(MAX_TOPICS).collect();
    let names: Vec<_> = infos.iter().map(|(_, info)| &*info.name).collect();
    let settings = session.topic_settings(&names)?;
    let all: Vec<_> = infos.iter().flat_map(|(_, info)| partitions(info)).collect();
    let mut ranges = session.ranges(&all)?;
    let mut groups = of_topic(session, &all)?;
    let mut topics = Vec::with_capacity(infos.len());
    for ((topic, info), settings) in infos.into_iter().zip(settings) {
        let is_of = |partition: &TopicPartition| partition.0 == info.name;
        let ranges = split_off(&mut ranges, is_of);
        let groups: Vec<_> = groups
            .iter_mut()
            .map(|(group, committed)| (group.clone(), split_off(committed, is_of)))
            .filter(|(_, committed)| !committed.is_empty())
            .collect();
        let mut found = FoundTopic { topic, info, settings, ranges, groups, recent: BTreeMap::new() };
        if let (Some(millis), false) = (found.number("retention.ms"), found.groups.is_empty()) {
            let quarters = Duration::from_millis(millis) * 3 / 4;
            if let Some(since) = SystemTime::now().checked_sub(quarters) {
                found.recent = session.at_time(&partitions(&found.info), since)?;
            }
        }
        topics.push(found);
    }
    Ok(topics)
}

/// Takes the entries of a topic out of a map.
fn split_off<T>(
    map: &mut BTreeMap<TopicPartition, T>,
    is_of: impl Fn(&TopicPartition) -> bool,
) -> BTreeMap<TopicPartition, T> {
    let (taken, rest) = std::mem::take(map).into_iter().partition(|(partition, _)| is_of(partition));
    *map = rest;
    taken
}

/// The settings of the topics of schemas.
fn schema_settings(
    session: &Session,
    cluster: &ClusterInfo,
) -> Result<Vec<(String, Option<Settings>)>, TransportError> {
    let is_of_topic = |name: &&str| {
        holds_schemas(name) && cluster.topics.iter().any(|info| schema_topic(&info.name) == **name)
    };
    let names: Vec<_> =
        cluster.topics.iter().map(|info| &*info.name).filter(is_of_topic).take(MAX_TOPICS).collect();
    let settings = session.topic_settings(&names)?;
    Ok(names.into_iter().map(str::to_owned).zip(settings).collect())
}

/// Kafka does not tell its version. Up to 3.9, brokers have a setting that does.
fn brokers(cluster: &ClusterInfo, broker: Option<&Settings>) -> String {
    let version = match broker.map(|settings| settings.get("inter.broker.protocol.version")) {
        Some(Some(version)) => format!("Kafka with protocol {version}"),
        Some(None) => "Kafka 4.0 or later".to_owned(),
        None => "unknown version".to_owned(),
    };
    let addresses: Vec<_> = cluster.brokers.iter().map(|(_, address)| &**address).collect();
    format!("{} ({}), {version}", addresses.len(), addresses.join(", "))
}

/// What this user may do, as far as it is known without writing.
fn permissions(broker: bool, topics: &[FoundTopic], creates: bool, may_create: bool) -> Fact {
    let reads = topics.iter().all(|topic| topic.settings.is_some());
    let mut missing = Vec::new();
    if !broker {
        missing.push("read the settings of brokers");
    }
    if !reads {
        missing.push("read the settings of some topics");
    }
    if !may_create {
        missing.push("create topics");
    }
    let value = if missing.is_empty() {
        "this user may read all settings and create topics".to_owned()
    } else {
        format!(
            "this user may not {}; what needs it is not checked. Topics that this user may not see are not listed",
            missing.join(", nor ")
        )
    };
    Fact { is_warning: creates && !may_create, ..Fact::new("permissions", value) }
}

/// How many brokers can fail before acknowledged messages are lost.
fn replication(topics: &[FoundTopic], brokers: usize) -> Fact {
    let replicas =
        |topic: &FoundTopic| topic.info.partitions.iter().map(|partition| partition.replicas).min();
    let single: Vec<_> = topics.iter().filter(|topic| replicas(topic) == Some(1)).collect();
    if !single.is_empty() {
        let value = format!(
            "one copy in {}: the loss of a broker loses acknowledged messages; use at least 3 replicas",
            names(&single)
        );
        return Fact::warning("replication", value);
    }
    let weak: Vec<_> = topics
        .iter()
        .filter(|topic| topic.number("min.insync.replicas").is_some_and(|min| min < 2))
        .collect();
    if !weak.is_empty() {
        let value = format!(
            "`min.insync.replicas=1` in {}: a message is acknowledged with one copy while the others are behind, and \
             the loss of its broker loses it; set 2",
            names(&weak)
        );
        return Fact::warning("replication", value);
    }
    let value = match topics.iter().filter_map(replicas).min() {
        Some(least) => format!("at least {least} copies on {brokers} brokers, acknowledged with 2 or more"),
        None => format!("{brokers} brokers, no topics"),
    };
    Fact::new("replication", value)
}

fn out_of_sync(topics: &[FoundTopic]) -> Option<Fact> {
    let is_behind = |topic: &&FoundTopic| {
        topic
            .info
            .partitions
            .iter()
            .any(|partition| partition.in_sync < partition.replicas || !partition.has_leader)
    };
    let behind: Vec<_> = topics.iter().filter(is_behind).collect();
    if behind.is_empty() {
        return None;
    }
    let value = format!("some copies in {} are missing or behind: see the brokers' logs", names(&behind));
    Some(Fact::warning("copies", value))
}

fn unclean_election(topics: &[FoundTopic]) -> Option<Fact> {
    let is_unclean = |topic: &&FoundTopic| topic.setting("unclean.leader.election.enable") == Some("true");
    let unclean: Vec<_> = topics.iter().filter(is_unclean).collect();
    if unclean.is_empty() {
        return None;
    }
    let value = format!(
        "`unclean.leader.election.enable=true` in {}: a copy that is behind may become the leader, which loses \
         acknowledged messages; set `false`",
        names(&unclean)
    );
    Some(Fact::warning("unclean election", value))
}

/// The limits on both sides.
fn message_size(topics: &[FoundTopic], broker: Option<&Settings>, config: &Config) -> Fact {
    let sent = config.client.own("message.max.bytes").and_then(|bytes| bytes.parse().ok());
    let sent: u64 = sent.unwrap_or(DEFAULT_MESSAGE_BYTES);
    let mut value = format!("this client sends up to {sent} bytes (`message.max.bytes`)");
    if let Some(bytes) = broker.and_then(|settings| settings.get("message.max.bytes")) {
        let _ = write!(value, ", the brokers accept {bytes}");
    }
    let limit = |topic: &FoundTopic| topic.number("max.message.bytes");
    let smaller: Vec<_> =
        topics.iter().filter(|topic| limit(topic).is_some_and(|limit| limit < sent)).collect();
    if !smaller.is_empty() {
        let _ = write!(value, "; {} accept less (`max.message.bytes`)", names(&smaller));
    }
    let has_smaller_dead_letters = |topic: &&FoundTopic| {
        topic.groups.iter().any(|(group, _)| {
            let dead_letters = topic.topic.dead_letter(group).ok();
            let dead_letters = topics.iter().find(|other| Some(&other.topic) == dead_letters.as_ref());
            dead_letters.and_then(limit).zip(limit(topic)).is_some_and(|(dead, own)| dead < own)
        })
    };
    let stuck: Vec<_> = topics.iter().filter(has_smaller_dead_letters).collect();
    if stuck.is_empty() {
        return Fact::new("message size", value);
    }
    let _ = write!(
        value,
        "; the dead-letter topics of {} accept less than these topics: a large event can't become a dead letter and \
         blocks its key; raise their `max.message.bytes`",
        names(&stuck)
    );
    Fact::warning("message size", value)
}

fn cleanup(topics: &[FoundTopic]) -> Option<Fact> {
    let is_compacted = |topic: &&FoundTopic| {
        topic.setting("cleanup.policy").is_some_and(|policy| policy.contains("compact"))
    };
    let compacted: Vec<_> = topics.iter().filter(is_compacted).collect();
    if compacted.is_empty() {
        return None;
    }
    let value = format!(
        "`cleanup.policy` of {} has `compact`: all but the last event of each key are removed, also before a group \
         has settled them; set `delete`",
        names(&compacted)
    );
    Some(Fact::warning("cleanup", value))
}

/// The retention of the brokers, and where it differs from that of the configuration.
fn retention(topics: &[FoundTopic], config: &Config) -> Fact {
    let differs = |topic: &&FoundTopic| {
        let wanted = config.retention_ms(&topic.topic);
        topic.setting("retention.ms").zip(wanted).is_some_and(|(actual, wanted)| actual != wanted)
    };
    let (dead, others): (Vec<_>, Vec<_>) =
        topics.iter().filter(differs).partition(|topic| topic.topic.holds_dead_letters());
    let mut value = "applied by the brokers, also to messages that a group has not settled".to_owned();
    for (topics, what) in [(&others, "events"), (&dead, "dead letters")] {
        if let Some(first) = topics.first() {
            let (actual, wanted) = (first.setting("retention.ms"), config.retention_ms(&first.topic));
            let _ = write!(
                value,
                "; the {what} in {} are kept otherwise than configured: `retention.ms` of `{}` is {}, not {}; alter \
                 the topic or the configuration",
                names(topics),
                first.topic,
                actual.unwrap_or_default(),
                wanted.unwrap_or_default()
            );
        }
    }
    Fact { is_warning: !(dead.is_empty() && others.is_empty()), ..Fact::new("retention", value) }
}

/// Groups that have lost messages to retention, or are about to.
fn behind(topics: &[FoundTopic]) -> Option<Fact> {
    let mut lines = Vec::new();
    for topic in topics {
        for (group, committed) in &topic.groups {
            let lost: u64 = committed
                .iter()
                .filter_map(|(at, committed)| {
                    Some(topic.ranges.get(at)?.start.saturating_sub(committed.offset))
                })
                .sum();
            if lost > 0 {
                lines.push(format!(
                    "retention has removed {lost} messages of `{}` before group `{group}` settled them",
                    topic.topic
                ));
                continue;
            }
            let is_old = |(at, committed): (&TopicPartition, &Committed)| {
                let Some(range) = topic.ranges.get(at) else { return false };
                let recent = topic.recent.get(at).copied().unwrap_or(range.end);
                committed.offset < recent.min(range.end)
            };
            if topic.setting("retention.ms").is_some_and(|millis| millis != "-1")
                && committed.iter().any(is_old)
            {
                lines.push(format!(
                    "group `{group}` has not settled messages of `{}` that are older than three quarters of its \
                     retention: they will be lost to it",
                    topic.topic
                ));
            }
        }
    }
    if lines.is_empty() {
        return None;
    }
    let more = lines.len().saturating_sub(NAMED);
    lines.truncate(NAMED);
    let mut value = lines.join("; ");
    if more > 0 {
        let _ = write!(value, "; and {more} more groups");
    }
    value.push_str(": raise `retention.ms`, or start their consumers");
    Some(Fact::warning("lag", value))
}

/// How long the progress of a group without members is kept.
fn offsets(broker: Option<&Settings>) -> Option<Fact> {
    let minutes: u64 = broker?.get("offsets.retention.minutes")?.parse().ok()?;
    let kept = Duration::from_secs(minutes.saturating_mul(60));
    let value = format!(
        "a group without members keeps its position for {} h (`offsets.retention.minutes`), and then starts as a new \
         group",
        minutes / 60
    );
    Some(Fact { is_warning: kept < USUAL_OFFSETS_RETENTION, ..Fact::new("positions", value) })
}

/// Groups whose dead letters have no topic.
fn dead_letters(topics: &[FoundTopic], creates: bool) -> Option<Fact> {
    if creates {
        return None;
    }
    let mut missing = Vec::new();
    for topic in topics.iter().filter(|topic| !topic.topic.holds_dead_letters()) {
        for (group, _) in &topic.groups {
            if let Ok(dead_letters) = topic.topic.dead_letter(group)
                && !topics.iter().any(|other| other.topic == dead_letters)
            {
                missing.push(dead_letters);
            }
        }
    }
    if missing.is_empty() {
        return None;
    }
    let quoted = quoted(missing.iter());
    let value = format!(
        "{quoted} don't exist, and `create_topics` is off: an event that is rejected blocks its key until its \
         dead-letter topic is created"
    );
    Some(Fact::warning("dead letters", value))
}

/// Topics of schemas that are missing, from which the brokers remove schemas, or which accept only short ones.
fn schemas(settings: &[(String, Option<Settings>)], topics: &[FoundTopic], config: &Config) -> Option<Fact> {
    let is_wrong = |settings: &Settings| {
        let limit = settings.get("max.message.bytes").and_then(|bytes| bytes.parse::<usize>().ok());
        settings.get("cleanup.policy").is_some_and(|policy| policy != "compact")
            || limit.is_some_and(|limit| limit < MAX_RECORD_BYTES)
    };
    let wrong = settings.iter().filter(|(_, settings)| settings.as_ref().is_some_and(is_wrong));
    let wrong: Vec<_> = wrong.map(|(name, _)| name.clone()).collect();
    // A topic with a group is likely one of this program's. With a registry, or if they may be created, none is
    // needed.
    let is_needed = config.registry.is_none() && config.creation.is_none();
    let used = topics.iter().filter(|topic| is_needed && !topic.groups.is_empty());
    let used =
        used.filter(|topic| !topic.topic.holds_dead_letters()).map(|topic| schema_topic(&topic.info.name));
    let missing: Vec<_> = used.filter(|name| !settings.iter().any(|(found, _)| found == name)).collect();
    let needs = format!("`cleanup.policy=compact` and `max.message.bytes={MAX_RECORD_BYTES}`");
    let mut parts = Vec::new();
    if !wrong.is_empty() {
        let names = quoted(wrong.into_iter());
        parts.push(format!("{names}: set {needs}, so that the schemas of stored events are kept"));
    }
    if !missing.is_empty() {
        let names = quoted(missing.into_iter());
        parts.push(format!(
            "{names} don't exist, and `create_topics` is off: events can't be sent to their topics before they are \
             created with 1 partition, {needs}"
        ));
    }
    (!parts.is_empty()).then(|| Fact::warning("schemas", parts.join("; ")))
}

fn names(topics: &[&FoundTopic]) -> String {
    quoted(topics.iter().map(|topic| &topic.topic))
}

/// The first names, and how many there are besides.
fn quoted<T: std::fmt::Display>(names: impl ExactSizeIterator<Item = T>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let mut text: Vec<_> = names.take(NAMED).map(|name| format!("`{name}`")).collect();
    if more > 0 {
        text.push(format!("{more} more"));
    }
    text.join(", ")
}
