//! What the listings show of the server.

use std::collections::{BTreeSet, HashMap};

use ::redis::{Cmd, RedisResult, Value};

use super::super::{ConsumerGroup, GroupStatus, Position, Topic, TopicStatus, TransportError};
use super::config::Config;
use super::connection::{Connection, Request};
use super::connection_pool::ConnectionPool;
use super::{claim, entry, error, script};

/// All topics with what they hold, by name: the streams whose names can be a topic's.
pub(super) async fn topics(
    pool: &ConnectionPool,
    config: &Config,
) -> Result<Vec<TopicStatus>, TransportError> {
    const OPERATION: &str = "list the topics of";
    let told = |error| error::convert(error, OPERATION, &config.url);
    let mut names = BTreeSet::new();
    for connection in pool.all().await.map_err(told)? {
        names.extend(streams(&connection).await.map_err(told)?);
    }
    let mut topics = Vec::with_capacity(names.len());
    for topic in names {
        let connection = &pool.of(&topic);
        let mut count = ::redis::cmd("XLEN");
        count.arg(topic.as_str());
        let messages: u64 = connection.ask(Request::Command(&count)).await.map_err(told)?;
        let mut first = ::redis::cmd("XRANGE");
        first.arg(topic.as_str()).arg("-").arg("+").arg("COUNT").arg(1);
        let mut last = ::redis::cmd("XREVRANGE");
        last.arg(topic.as_str()).arg("+").arg("-").arg("COUNT").arg(1);
        let first = position(connection, &first).await.map_err(told)?;
        let last = position(connection, &last).await.map_err(told)?;
        topics.push(TopicStatus::new(topic, messages, first, last));
    }
    Ok(topics)
}

/// The streams of one server whose names can be a topic's.
async fn streams(connection: &Connection) -> RedisResult<Vec<Topic>> {
    let (mut names, mut cursor) = (Vec::new(), "0".to_owned());
    loop {
        let mut scan = ::redis::cmd("SCAN");
        scan.arg(&cursor).arg("COUNT").arg(1000).arg("TYPE").arg("stream");
        let (next, found): (String, Vec<Vec<u8>>) = connection.ask(Request::Command(&scan)).await?;
        names.extend(found.into_iter().filter_map(|name| Topic::new(String::from_utf8(name).ok()?).ok()));
        if next == "0" {
            return Ok(names);
        }
        cursor = next;
    }
}

async fn position(connection: &Connection, range: &Cmd) -> RedisResult<Option<Position>> {
    let entries: Vec<(Vec<u8>, Value)> = connection.ask(Request::Command(range)).await?;
    Ok(entries.first().and_then(|(id, _)| entry::position(id)).map(|(position, _)| position))
}

/// The groups of a topic, by name; others may have groups whose names could not be ours.
pub(super) async fn names(
    connection: &Connection,
    operation: &'static str,
    topic: &Topic,
) -> Result<Vec<ConsumerGroup>, TransportError> {
    let mut list = ::redis::cmd("XINFO");
    list.arg("GROUPS").arg(topic.as_str());
    let lines: RedisResult<Vec<HashMap<String, Value>>> = connection.ask(Request::Command(&list)).await;
    let lines = lines.map_err(|error| error::convert(error, operation, topic))?;
    let name = |mut line: HashMap<String, Value>| line.remove("name").and_then(claim::text);
    let mut names: Vec<_> =
        lines.into_iter().filter_map(|line| ConsumerGroup::new(name(line)?).ok()).collect();
    names.sort();
    Ok(names)
}

/// The groups of a topic with their lag, by name.
pub(super) async fn groups(
    connection: &Connection,
    topic: &Topic,
) -> Result<Vec<GroupStatus>, TransportError> {
    const OPERATION: &str = "list the groups of";
    let names = names(connection, OPERATION, topic).await?;
    let mut groups = Vec::with_capacity(names.len());
    for group in names {
        let call = script::on(&script::STATUS, topic, Some(&group));
        let status: RedisResult<(u64, u64, u64, String)> = connection.ask(Request::Script(&call)).await;
        let (pending, parked, unread, next) =
            status.map_err(|error| error::convert(error, OPERATION, topic))?;
        let next = entry::position(next.as_bytes()).map(|(position, _)| position);
        let lag = pending + unread;
        groups.push(GroupStatus::new(group, lag, pending.saturating_sub(parked), parked).next(next));
    }
    Ok(groups)
}
