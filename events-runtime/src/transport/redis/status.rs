//! What the listings and `doctor` show of the server.

use std::collections::HashMap;

use ::redis::{Cmd, RedisResult, Value};

use super::super::{
    ConsumerGroup, ErrorKind, GroupStatus, Health, Position, Topic, TopicStatus, TransportError,
};
use super::link::{Link, Request};
use super::settings::Settings;
use super::{claim, entry, fault, script};

/// All topics with what they hold, by name: the streams whose names can be a topic's.
pub(super) async fn topics(link: &Link, settings: &Settings) -> Result<Vec<TopicStatus>, TransportError> {
    const OPERATION: &str = "list the topics of";
    let told = |error| fault::explain(error, OPERATION, &settings.url);
    let mut names = std::collections::BTreeSet::new();
    let mut cursor = "0".to_owned();
    loop {
        let mut scan = ::redis::cmd("SCAN");
        scan.arg(&cursor).arg("COUNT").arg(1000).arg("TYPE").arg("stream");
        let page: RedisResult<(String, Vec<Vec<u8>>)> = link.ask(Request::Command(&scan)).await;
        let (next, found) = page.map_err(told)?;
        names.extend(found.into_iter().filter_map(|name| Topic::new(String::from_utf8(name).ok()?).ok()));
        if next == "0" {
            break;
        }
        cursor = next;
    }
    let mut topics = Vec::with_capacity(names.len());
    for topic in names {
        let mut count = ::redis::cmd("XLEN");
        count.arg(topic.as_str());
        let messages: u64 = link.ask(Request::Command(&count)).await.map_err(told)?;
        let mut first = ::redis::cmd("XRANGE");
        first.arg(topic.as_str()).arg("-").arg("+").arg("COUNT").arg(1);
        let mut last = ::redis::cmd("XREVRANGE");
        last.arg(topic.as_str()).arg("+").arg("-").arg("COUNT").arg(1);
        let first = position(link, &first).await.map_err(told)?;
        let last = position(link, &last).await.map_err(told)?;
        topics.push(TopicStatus::new(topic, messages, first, last));
    }
    Ok(topics)
}

async fn position(link: &Link, range: &Cmd) -> RedisResult<Option<Position>> {
    let entries: Vec<(Vec<u8>, Value)> = link.ask(Request::Command(range)).await?;
    Ok(entries.first().and_then(|(id, _)| entry::position(id)).map(|(position, _)| position))
}

/// The groups of a topic, by name; others may have groups whose names could not be ours.
pub(super) async fn names(
    link: &Link,
    operation: &'static str,
    topic: &Topic,
) -> Result<Vec<ConsumerGroup>, TransportError> {
    let mut list = ::redis::cmd("XINFO");
    list.arg("GROUPS").arg(topic.as_str());
    let lines: RedisResult<Vec<HashMap<String, Value>>> = link.ask(Request::Command(&list)).await;
    let lines = lines.map_err(|error| fault::explain(error, operation, topic))?;
    let name = |mut line: HashMap<String, Value>| line.remove("name").and_then(claim::text);
    let mut names: Vec<_> =
        lines.into_iter().filter_map(|line| ConsumerGroup::new(name(line)?).ok()).collect();
    names.sort();
    Ok(names)
}

/// The groups of a topic with their lag, by name.
pub(super) async fn groups(link: &Link, topic: &Topic) -> Result<Vec<GroupStatus>, TransportError> {
    const OPERATION: &str = "list the groups of";
    let names = names(link, OPERATION, topic).await?;
    let mut groups = Vec::with_capacity(names.len());
    for group in names {
        let call = script::on(&script::STATUS, topic, Some(&group));
        let status: RedisResult<(u64, u64, u64, String)> = link.ask(Request::Script(&call)).await;
        let (pending, parked, unread, next) =
            status.map_err(|error| fault::explain(error, OPERATION, topic))?;
        let next = entry::position(next.as_bytes()).map(|(position, _)| position);
        let lag = pending + unread;
        groups.push(GroupStatus::new(group, lag, pending.saturating_sub(parked), parked).next(next));
    }
    Ok(groups)
}

/// Asks the server what it is and how it keeps what it is told.
pub(super) async fn check(link: &Link, settings: &Settings) -> Result<Health, TransportError> {
    let told = |error| fault::explain(error, "check", &settings.url);
    let mut info = ::redis::cmd("INFO");
    let text: String = link.ask(Request::Command(info.arg("everything"))).await.map_err(told)?;
    let facts: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let fact = |name: &str| facts.get(name).copied().unwrap_or_default().trim();
    let wrong = |kind, message: String| TransportError::new(kind, "check", &settings.url, message);

    let version = fact("redis_version");
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    let release = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if release < (6, 2) {
        let message = format!("the server is Redis {version}; 6.2 is the oldest that has what is needed");
        return Err(wrong(ErrorKind::Version, message));
    }
    if fact("role") != "master" {
        return Err(wrong(
            ErrorKind::ReadOnly,
            "the server is a replica: name its master, or Sentinels".to_owned(),
        ));
    }
    let policy = fact("maxmemory_policy");
    if fact("maxmemory") != "0" && !matches!(policy, "noeviction") && !policy.starts_with("volatile") {
        let message = format!(
            "the server may throw topics away when its memory is full (`maxmemory-policy {policy}`): set `noeviction`"
        );
        return Err(wrong(ErrorKind::Invalid, message));
    }
    // That scripts and streams may be used shows by using them.
    let mut run = ::redis::cmd("EVAL");
    run.arg("return 1").arg(0);
    let _: i64 = link.ask(Request::Command(&run)).await.map_err(told)?;
    let durability = durability(link, fact("aof_enabled") == "1").await;
    let mut shown = vec![
        ("server", format!("Redis {version}, {}", fact("redis_mode"))),
        ("durability", durability),
        (
            "memory",
            format!("{} used, limit {}, {policy}", fact("used_memory_human"), limit(fact("maxmemory_human"))),
        ),
        ("replicas", fact("connected_slaves").to_owned()),
    ];
    if fact("aof_last_write_status") != "ok" && fact("aof_enabled") == "1" {
        shown.push(("aof", "the last write failed: see the server's log".to_owned()));
    }
    shown.push(("topics", topics(link, settings).await?.len().to_string()));
    Ok(Health { facts: shown })
}

fn limit(human: &str) -> &str {
    if human == "0B" { "none" } else { human }
}

/// What an acknowledged send survives.
async fn durability(link: &Link, aof: bool) -> String {
    if !aof {
        return "appendonly is off: what was acknowledged since the last snapshot ends with the server; set \
                `appendonly yes`"
            .to_owned();
    }
    let mut get = ::redis::cmd("CONFIG");
    get.arg("GET").arg("appendfsync");
    let answer: RedisResult<HashMap<String, String>> = link.ask(Request::Command(&get)).await;
    let fsync = answer.ok().and_then(|mut found| found.remove("appendfsync"));
    match fsync.as_deref() {
        Some("always") => "appendfsync always: what was acknowledged survives the loss of power".to_owned(),
        Some("everysec") => {
            "appendfsync everysec: what was acknowledged survives the server's death; its last second \
                             or two may be lost with the power"
                .to_owned()
        }
        Some(other) => format!(
            "appendfsync {other}: what was acknowledged survives the server's death; the last of it may be lost with \
             the power"
        ),
        None => "appendonly is on; how often it is forced to the disk, the server does not tell this user"
            .to_owned(),
    }
}
