//! Facts about topics and what their groups need.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Fact, FoundTopic, NAMED, names, quoted};
use crate::admin::unsettled_ranges;
use crate::client::admin::{Committed, Settings, TopicPartition};
use crate::config::Config;
use crate::retry_topics::delay_in;
use crate::writer_schemas::{MAX_RECORD_BYTES, schema_topic};
use events_transport::{Subscription, Topic};

pub(super) fn cleanup(topics: &[FoundTopic]) -> Option<Fact> {
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
pub(super) fn retention(topics: &[FoundTopic], config: &Config) -> Fact {
    let differs = |topic: &&FoundTopic| {
        let (Some(actual), Some(wanted)) = (topic.setting("retention.ms"), config.retention_ms(&topic.topic))
        else {
            return false;
        };
        // A retry topic may keep more: -1 is unlimited.
        let keeps_more = || Some(actual.parse::<i64>().ok()?.cast_unsigned() >= wanted.parse().ok()?);
        actual != wanted && (delay_in(topic.topic.as_str()).is_none() || keeps_more() == Some(false))
    };
    let mut value = "applied by the brokers, also to messages that a group has not settled".to_owned();
    let mut is_warning = false;
    for what in ["events", "dead letters", "messages that wait for a retry"] {
        let is_meant = |topic: &&FoundTopic| what == content(topic);
        let topics: Vec<_> = topics.iter().filter(differs).filter(is_meant).collect();
        if let Some(first) = topics.first() {
            is_warning = true;
            let (actual, wanted) = (first.setting("retention.ms"), config.retention_ms(&first.topic));
            let _ = write!(
                value,
                "; the {what} in {} are kept otherwise than configured: `retention.ms` of `{}` is {}, not {}; alter \
                 the topic or the configuration",
                names(&topics),
                first.topic,
                actual.unwrap_or_default(),
                wanted.unwrap_or_default()
            );
        }
    }
    Fact { is_warning, ..Fact::new("retention", value) }
}

/// What a topic has.
fn content(topic: &FoundTopic) -> &'static str {
    if topic.topic.holds_dead_letters() {
        "dead letters"
    } else if topic.holds_events() {
        "events"
    } else {
        "messages that wait for a retry"
    }
}

/// Groups that have lost messages to retention, or are about to.
pub(super) fn behind(topics: &[FoundTopic]) -> Option<Fact> {
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

/// Groups whose dead letters have no topic.
pub(super) fn dead_letters(topics: &[FoundTopic], creates: bool) -> Option<Fact> {
    if creates {
        return None;
    }
    let mut missing = Vec::new();
    for topic in topics.iter().filter(|topic| topic.holds_events()) {
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

/// Retry topics that are missing, or whose messages no consumer of this URL reads.
pub(super) fn retry_topics(topics: &[FoundTopic], config: &Config) -> Option<Fact> {
    let (mut missing, mut unread) = (Vec::new(), Vec::new());
    for topic in topics {
        let waits = |(_, committed): &(_, _)| has_unsettled(topic, committed);
        if !topic.holds_events() {
            let is_unread = config.retry_delays.is_empty() && content(topic) != "dead letters";
            unread.extend((is_unread && topic.groups.iter().any(waits)).then_some(topic));
            continue;
        }
        for (group, _) in topic.groups.iter().filter(|_| config.creation.is_none()) {
            let of = Subscription::new(topic.topic.clone(), group.clone());
            let wanted = config.retry_delays.topics(&of).unwrap_or_default();
            let is_missing = |name: &&Topic| !topics.iter().any(|other| other.topic == **name);
            missing.extend(wanted.iter().map(|(_, name)| name).filter(is_missing).cloned());
        }
    }
    let mut parts = Vec::new();
    if !missing.is_empty() {
        let names = quoted(missing.iter());
        parts.push(format!(
            "{names} don't exist, and `create_topics` is off: consumers of these groups can't start before they are \
             created, with as many partitions as their topics"
        ));
    }
    if !unread.is_empty() {
        let names = names(&unread);
        parts.push(format!(
            "messages wait in {names}, and consumers don't read them without `retry_topics`: set it until they are \
             delivered"
        ));
    }
    (!parts.is_empty()).then(|| Fact::warning("retry topics", parts.join("; ")))
}

fn has_unsettled(topic: &FoundTopic, committed: &BTreeMap<TopicPartition, Committed>) -> bool {
    topic.ranges.iter().any(|(at, range)| !unsettled_ranges(committed.get(at), range).is_empty())
}

/// Topics of schemas that are missing, from which the brokers remove schemas, or which accept only short ones.
pub(super) fn schemas(
    settings: &[(String, Option<Settings>)],
    topics: &[FoundTopic],
    config: &Config,
) -> Option<Fact> {
    let is_wrong = |settings: &Settings| {
        let limit = settings.get("max.message.bytes").and_then(|bytes| bytes.parse::<usize>().ok());
        settings.get("cleanup.policy").is_some_and(|policy| policy != "compact")
            || limit.is_some_and(|limit| limit < MAX_RECORD_BYTES)
    };
    let wrong = settings.iter().filter(|(_, settings)| settings.as_ref().is_some_and(is_wrong));
    let wrong: Vec<_> = wrong.map(|(name, _)| name.clone()).collect();
    // A topic with a group is likely one of this program's. None is needed if they may be created, or if the registry
    // has all schemas.
    let registry = config.registry.as_ref();
    let is_needed = registry.is_none_or(|registry| registry.has_bare_types()) && config.creation.is_none();
    let used = topics.iter().filter(|topic| is_needed && !topic.groups.is_empty());
    let used = used.filter(|topic| topic.holds_events()).map(|topic| schema_topic(&topic.info.name));
    let missing: Vec<_> = used.filter(|name| !settings.iter().any(|(found, _)| found == name)).collect();
    let needs = format!("`cleanup.policy=compact` and `max.message.bytes={MAX_RECORD_BYTES}`");
    let mut parts = Vec::new();
    if !wrong.is_empty() {
        let names = quoted(wrong.into_iter());
        parts.push(format!("{names}: set {needs}, so that the schemas of stored events are kept"));
    }
    if !missing.is_empty() {
        let names = quoted(missing.into_iter());
        let events = if registry.is_some() { "events of the types in `registry_bare`" } else { "events" };
        parts.push(format!(
            "{names} don't exist, and `create_topics` is off: {events} can't be sent to their topics before they are \
             created with 1 partition, {needs}"
        ));
    }
    (!parts.is_empty()).then(|| Fact::warning("schemas", parts.join("; ")))
}
