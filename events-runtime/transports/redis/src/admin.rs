//! Lists topics, groups and unsettled messages; moves and removes groups.

use std::collections::{BTreeSet, HashMap};

use ::redis::{Cmd, RedisResult, Value};

use super::config::Config;
use super::connection::{Connection, ConnectionPool, Request};
use super::msgpack::{MessagePack, Reader};
use super::{claim, entry, error, group, script};
use events_transport::{
    ConsumerGroup, ErrorKind, GroupStatus, Position, StartPosition, StoredMessage, Topic, TopicStatus,
    TransportError,
};

/// All topics, sorted by name: the streams with valid topic names.
pub(super) async fn topics(
    pool: &ConnectionPool,
    config: &Config,
) -> Result<Vec<TopicStatus>, TransportError> {
    const OPERATION: &str = "list the topics of";
    let convert = |error| error::convert(error, OPERATION, &config.url);
    let mut names = BTreeSet::new();
    for connection in pool.all().await.map_err(convert)? {
        names.extend(streams(&connection).await.map_err(convert)?);
    }
    let mut topics = Vec::with_capacity(names.len());
    for topic in names {
        let connection = &pool.for_topic(&topic);
        let mut count = ::redis::cmd("XLEN");
        count.arg(topic.as_str());
        let messages: u64 = connection.query(Request::Command(&count)).await.map_err(convert)?;
        let mut first = ::redis::cmd("XRANGE");
        first.arg(topic.as_str()).arg("-").arg("+").arg("COUNT").arg(1);
        let mut last = ::redis::cmd("XREVRANGE");
        last.arg(topic.as_str()).arg("+").arg("-").arg("COUNT").arg(1);
        let first = position(connection, &first).await.map_err(convert)?;
        let last = position(connection, &last).await.map_err(convert)?;
        topics.push(TopicStatus::new(topic, messages, first, last));
    }
    Ok(topics)
}

/// The streams of one server with valid topic names.
async fn streams(connection: &Connection) -> RedisResult<Vec<Topic>> {
    let (mut names, mut cursor) = (Vec::new(), "0".to_owned());
    loop {
        let mut scan = ::redis::cmd("SCAN");
        scan.arg(&cursor).arg("COUNT").arg(1000).arg("TYPE").arg("stream");
        let (next, found): (String, Vec<Vec<u8>>) = connection.query(Request::Command(&scan)).await?;
        names.extend(found.into_iter().filter_map(|name| Topic::new(String::from_utf8(name).ok()?).ok()));
        if next == "0" {
            return Ok(names);
        }
        cursor = next;
    }
}

async fn position(connection: &Connection, range: &Cmd) -> RedisResult<Option<Position>> {
    let entries: Vec<(Vec<u8>, Value)> = connection.query(Request::Command(range)).await?;
    Ok(entries.first().and_then(|(id, _)| entry::position(id)).map(|(position, _)| position))
}

/// The groups of a topic with valid names, sorted.
async fn names(
    connection: &Connection,
    operation: &'static str,
    topic: &Topic,
) -> Result<Vec<ConsumerGroup>, TransportError> {
    let mut list = ::redis::cmd("XINFO");
    list.arg("GROUPS").arg(topic.as_str());
    let lines: RedisResult<Vec<HashMap<String, Value>>> = connection.query(Request::Command(&list)).await;
    let lines = lines.map_err(|error| error::convert(error, operation, topic))?;
    let name = |mut line: HashMap<String, Value>| line.remove("name").and_then(claim::text);
    let mut names: Vec<_> =
        lines.into_iter().filter_map(|line| ConsumerGroup::new(name(line)?).ok()).collect();
    names.sort();
    Ok(names)
}

/// The groups of a topic with their lag, sorted by name.
pub(super) async fn groups(
    connection: &Connection,
    topic: &Topic,
) -> Result<Vec<GroupStatus>, TransportError> {
    const OPERATION: &str = "list the groups of";
    let names = names(connection, OPERATION, topic).await?;
    let mut groups = Vec::with_capacity(names.len());
    for group in names {
        let call = script::on(&script::STATUS, topic, Some(&group));
        let status: RedisResult<(u64, u64, u64, String)> = connection.query(Request::Script(&call)).await;
        let (pending, parked, unread, next) =
            status.map_err(|error| error::convert(error, OPERATION, topic))?;
        let next = entry::position(next.as_bytes()).map(|(position, _)| position);
        let lag = pending + unread;
        groups.push(GroupStatus::new(group, lag, pending.saturating_sub(parked), parked).next(next));
    }
    Ok(groups)
}

/// The unsettled entries of a group after a position, in order: up to `max`, fewer if they are large.
pub(super) async fn unsettled(
    connection: &Connection,
    topic: &Topic,
    group: &ConsumerGroup,
    after: Option<Position>,
    max: usize,
) -> Result<Vec<StoredMessage>, TransportError> {
    const OPERATION: &str = "look into";
    let mut after = match after {
        None => "0-0".to_owned(),
        Some(position @ Position::Entry { .. }) => position.to_string(),
        Some(_) => {
            let message = "a position of a Redis topic is an entry ID such as `1526919030474-55`";
            return Err(TransportError::new(ErrorKind::Invalid, OPERATION, topic, message));
        }
    };
    if max == 0 {
        return Ok(Vec::new());
    }
    // A script blocks the server while it runs.
    let max = max.min(claim::MAX_ENTRIES);
    loop {
        let mut call = script::on(&script::UNSETTLED, topic, Some(group));
        call.arg(&after).arg(max).arg(StoredMessage::BYTES_AT_MOST);
        let answer: RedisResult<(Vec<u8>, String)> = connection.query(Request::Script(&call)).await;
        let (found, next) = answer.map_err(|error| error::convert(error, OPERATION, topic))?;
        let found = read_entries(&found).ok_or_else(|| claim::malformed_reply(topic))?;
        // If all entries of a batch were deleted from the stream, more may follow.
        if !found.is_empty() || next.is_empty() {
            return Ok(found);
        }
        after = next;
    }
}

/// Decodes the entries; `None` if malformed.
fn read_entries(found: &[u8]) -> Option<Vec<StoredMessage>> {
    let mut found = Reader(found);
    let mut entries = Vec::new();
    if !found.is_empty() {
        for _ in 0..found.array()? {
            let claim::Entry { position, time, message, .. } =
                claim::read_entry::<MessagePack>(&mut found.0)?;
            entries.push(StoredMessage::new(message, position, time));
        }
    }
    Some(entries)
}

/// Moves a group, creating it if it does not exist.
pub(super) async fn seek(
    connection: &Connection,
    topic: &Topic,
    group: &ConsumerGroup,
    start: StartPosition,
) -> Result<(), TransportError> {
    const OPERATION: &str = "move a group on";
    let id = group::start_id(OPERATION, topic, &start)?;
    if clear(connection, OPERATION, topic, group, &id).await? {
        return Ok(());
    }
    Err(TransportError::no_topic(OPERATION, topic))
}

/// Removes a group and its state.
pub(super) async fn remove_group(
    connection: &Connection,
    topic: &Topic,
    group: &ConsumerGroup,
) -> Result<(), TransportError> {
    const OPERATION: &str = "remove a group of";
    if !names(connection, OPERATION, topic).await?.contains(group) {
        return Err(TransportError::no_group(OPERATION, topic, group));
    }
    // The group existed: if it is gone now, a reply was lost or another client removed it.
    clear(connection, OPERATION, topic, group, "remove").await.map(drop)
}

/// Discards what a group has in flight, and moves or removes it; `false` if it does not exist.
async fn clear(
    connection: &Connection,
    operation: &'static str,
    topic: &Topic,
    group: &ConsumerGroup,
    to: &str,
) -> Result<bool, TransportError> {
    let mut call = script::on(&script::MOVE_GROUP, topic, Some(group));
    call.arg(to);
    let found: RedisResult<i64> = connection.query(Request::Script(&call)).await;
    found.map(|found| found != 0).map_err(|error| error::convert(error, operation, topic))
}
