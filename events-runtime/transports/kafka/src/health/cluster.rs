//! Facts about brokers and copies.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Fact, FoundTopic, names};
use crate::client::admin::{ClusterInfo, Settings};
use crate::config::Config;

/// Kafka's default for the progress of a group without members.
const USUAL_OFFSETS_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Kafka does not tell its version. Up to 3.9, brokers have a setting that does.
pub(super) fn brokers(cluster: &ClusterInfo, broker: Option<&Settings>) -> String {
    let version = match broker.map(|settings| settings.get("inter.broker.protocol.version")) {
        Some(Some(version)) => format!("Kafka with protocol {version}"),
        Some(None) => "Kafka 4.0 or later".to_owned(),
        None => "unknown version".to_owned(),
    };
    let addresses: Vec<_> = cluster.brokers.iter().map(|(_, address)| &**address).collect();
    format!("{} ({}), {version}", addresses.len(), addresses.join(", "))
}

/// What this user may do, as far as it is known without writing.
pub(super) fn permissions(broker: bool, topics: &[FoundTopic], creates: bool, may_create: bool) -> Fact {
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
pub(super) fn replication(topics: &[FoundTopic], brokers: usize) -> Fact {
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

pub(super) fn out_of_sync(topics: &[FoundTopic]) -> Option<Fact> {
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

pub(super) fn unclean_election(topics: &[FoundTopic]) -> Option<Fact> {
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
pub(super) fn message_size(topics: &[FoundTopic], broker: Option<&Settings>, config: &Config) -> Fact {
    let sent: Option<u64> = config.client.own("message.max.bytes").and_then(|bytes| bytes.parse().ok());
    let mut value = match sent {
        Some(sent) => format!("this client sends up to {sent} bytes (`message.max.bytes`)"),
        None => "this client sends up to the limit of each topic (`max.message.bytes`)".to_owned(),
    };
    let accepted = broker.and_then(|settings| settings.get("message.max.bytes"));
    if let Some(bytes) = accepted {
        let _ = write!(value, ", the brokers accept {bytes}");
    }
    // Without a limit of the client, that of the brokers is what a sender expects.
    let expected = sent.or_else(|| accepted?.parse().ok());
    let limit = |topic: &FoundTopic| topic.number("max.message.bytes");
    let smaller: Vec<_> =
        topics.iter().filter(|topic| limit(topic).is_some_and(|limit| Some(limit) < expected)).collect();
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

/// How long the progress of a group without members is kept.
pub(super) fn offsets(broker: Option<&Settings>) -> Option<Fact> {
    let minutes: u64 = broker?.get("offsets.retention.minutes")?.parse().ok()?;
    let kept = Duration::from_secs(minutes.saturating_mul(60));
    let value = format!(
        "a group without members keeps its position for {} h (`offsets.retention.minutes`), and then starts as a new \
         group",
        minutes / 60
    );
    Some(Fact { is_warning: kept < USUAL_OFFSETS_RETENTION, ..Fact::new("positions", value) })
}
