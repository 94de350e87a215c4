//! Checks the cluster for `doctor`.

mod cluster;
mod topics;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::admin::{GroupOffsets, of_topic, partitions, user_topic};
use super::client::admin::{self as client, Call, ClusterInfo, Session, Settings, TopicInfo, TopicPartition};
use super::config::Config;
use super::retry_topics::delay_in;
use super::writer_schemas::{holds_schemas, schema_topic};
use events_transport::{Health, Topic, TransportError};

/// The most topics whose settings are read.
const MAX_TOPICS: usize = 1000;
/// The most topics that a fact names.
const NAMED: usize = 5;

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

    /// Whether events are sent to it, and not what has left another topic.
    fn holds_events(&self) -> bool {
        !self.topic.holds_dead_letters() && delay_in(self.topic.as_str()).is_none()
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
            Fact::new("brokers", cluster::brokers(&cluster, broker.as_ref())),
            Fact::new("client", format!("librdkafka {}", client::version())),
            cluster::permissions(broker.is_some(), &topics, config.creation.is_some(), may_create),
            cluster::replication(&topics, cluster.brokers.len()),
        ];
        facts.extend(cluster::out_of_sync(&topics));
        facts.extend(cluster::unclean_election(&topics));
        facts.push(cluster::message_size(&topics, broker.as_ref(), config));
        facts.extend(topics::cleanup(&topics));
        facts.push(topics::retention(&topics, config));
        facts.extend(topics::behind(&topics));
        facts.extend(cluster::offsets(broker.as_ref()));
        facts.extend(topics::dead_letters(&topics, config.creation.is_some()));
        facts.extend(topics::retry_topics(&topics, config));
        facts.extend(topics::schemas(&schema_settings, &topics, config));
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
    let mut groups = of_topic(session, &all)?;
    // After the offsets of the groups, so that no group is ahead of the end.
    let mut ranges = session.ranges(&all)?;
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
