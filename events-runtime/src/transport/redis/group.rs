//! Where a group begins, and how it is moved.

use std::time::SystemTime;

use ::redis::RedisResult;

use super::super::{ConsumerGroup, ErrorKind, Position, StartPosition, Topic, TransportError};
use super::config::Config;
use super::connection::{Connection, Request};
use super::{admin, error, script};

/// The id behind which a group at this start begins to read.
fn id(operation: &'static str, topic: &Topic, start: StartPosition) -> Result<String, TransportError> {
    let before = |millis: u64, sequence: u64| match (millis, sequence) {
        (0, 0) => "0-0".to_owned(),
        (millis, 0) => format!("{}-{}", millis - 1, u64::MAX),
        (millis, sequence) => format!("{millis}-{}", sequence - 1),
    };
    Ok(match start {
        StartPosition::Earliest => "0-0".to_owned(),
        StartPosition::Latest => "$".to_owned(),
        StartPosition::Time(time) => {
            let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            before(u64::try_from(since.as_millis()).unwrap_or(u64::MAX), 0)
        }
        StartPosition::At(Position::Entry { millis, sequence }) => before(millis, sequence),
        StartPosition::At(_) => {
            let message = "positions of Redis are entries' ids, such as `1526919030474-55`";
            return Err(TransportError::new(ErrorKind::Invalid, operation, topic, message));
        }
    })
}

/// Makes the group where it is missing.
pub(super) async fn join(
    connection: &Connection,
    config: &Config,
    topic: &Topic,
    group: &ConsumerGroup,
    start: StartPosition,
) -> Result<(), TransportError> {
    const OPERATION: &str = "subscribe to";
    let mut call = script::on(&script::JOIN, topic, Some(group));
    call.arg(id(OPERATION, topic, start)?);
    let made: RedisResult<i64> = connection.ask(Request::Script(&call)).await;
    made.map_err(|error| error::convert(error, OPERATION, topic))?;
    let set = match config.last_read {
        Some(position) => position.to_string(),
        None if !config.check_backlog => "$".to_owned(),
        None => return Ok(()),
    };
    let mut move_to = ::redis::cmd("XGROUP");
    move_to.arg("SETID").arg(topic.as_str()).arg(group.as_str()).arg(set);
    connection.ask(Request::Command(&move_to)).await.map_err(|error| error::convert(error, OPERATION, topic))
}

/// Moves a group, made where it is missing.
pub(super) async fn seek(
    connection: &Connection,
    topic: &Topic,
    group: &ConsumerGroup,
    start: StartPosition,
) -> Result<(), TransportError> {
    const OPERATION: &str = "move a group on";
    let id = id(OPERATION, topic, start)?;
    if clear(connection, OPERATION, topic, group, &id).await? {
        return Ok(());
    }
    Err(TransportError::no_topic(OPERATION, topic))
}

/// Removes a group with all that stands beside the stream.
pub(super) async fn remove(
    connection: &Connection,
    topic: &Topic,
    group: &ConsumerGroup,
) -> Result<(), TransportError> {
    const OPERATION: &str = "remove a group of";
    if !admin::names(connection, OPERATION, topic).await?.contains(group) {
        return Err(TransportError::no_group(OPERATION, topic, group));
    }
    // It was there: where it is not by now, an answer was lost on the way, or somebody else was faster.
    clear(connection, OPERATION, topic, group, "remove").await.map(drop)
}

/// Forgets what a group has in hand, and where it stands; `false` where there is nothing of it.
async fn clear(
    connection: &Connection,
    operation: &'static str,
    topic: &Topic,
    group: &ConsumerGroup,
    to: &str,
) -> Result<bool, TransportError> {
    let mut call = script::on(&script::CLEAR, topic, Some(group));
    call.arg(to);
    let found: RedisResult<i64> = connection.ask(Request::Script(&call)).await;
    found.map(|found| found != 0).map_err(|error| error::convert(error, operation, topic))
}
