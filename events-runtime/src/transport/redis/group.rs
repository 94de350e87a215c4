//! Where a group begins, and how it is moved.

use std::time::SystemTime;

use ::redis::RedisResult;

use super::super::{ConsumerGroup, ErrorKind, Position, StartPosition, Topic, TransportError};
use super::claim::Claimed;
use super::config::Config;
use super::connection::{Connection, Request};
use super::worker::{Member, Worker};
use super::{entry, error, script, trim};

/// The id behind which a group at this start begins to read.
pub(super) fn start_id(
    operation: &'static str,
    topic: &Topic,
    start: StartPosition,
) -> Result<String, TransportError> {
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
pub(super) async fn join_group(
    connection: &Connection,
    config: &Config,
    topic: &Topic,
    group: &ConsumerGroup,
    start: StartPosition,
) -> Result<(), TransportError> {
    const OPERATION: &str = "subscribe to";
    let mut call = script::on(&script::JOIN, topic, Some(group));
    call.arg(start_id(OPERATION, topic, start)?);
    let made: RedisResult<i64> = connection.query(Request::Script(&call)).await;
    made.map_err(|error| error::convert(error, OPERATION, topic))?;
    let set = match config.last_read {
        Some(position) => position.to_string(),
        None if !config.check_backlog => "$".to_owned(),
        None => return Ok(()),
    };
    let mut move_to = ::redis::cmd("XGROUP");
    move_to.arg("SETID").arg(topic.as_str()).arg(group.as_str()).arg(set);
    connection
        .query(Request::Command(&move_to))
        .await
        .map_err(|error| error::convert(error, OPERATION, topic))
}

impl Worker {
    /// Takes note of what the stream has, so that one that was made anew is told from it.
    pub(super) fn observe(&mut self, claimed: &Claimed) {
        let last = entry::position(claimed.seen[0].as_bytes()).map(|(position, _)| position);
        let entries = claimed.entries.iter().map(|entry| entry.position);
        self.newest = entries.chain(last).chain(self.newest).max();
    }

    /// Sees to a group that a claim did not find: makes it anew, where the settings say so, or tells why it is
    /// gone and what to do.
    pub(super) async fn recover_group(&mut self) -> Result<(), TransportError> {
        const OPERATION: &str = "receive from";
        let newest = self.newest.map_or_else(|| "0-0".to_owned(), |newest| newest.to_string());
        let mut call = self.call(&script::LOST);
        call.arg(self.config.on_lost.as_str()).arg(newest);
        let answer: RedisResult<(String, u8)> = self.connection.query(Request::Script(&call)).await;
        let Member { topic, group, .. } = &self.member;
        let (state, made) = answer.map_err(|error| error::convert(error, OPERATION, topic))?;
        let what = match &*state {
            "there" => return Ok(()),
            "removed" => return Err(TransportError::no_group(OPERATION, topic, group)),
            "emptied" => {
                "the topic is gone with all that stood beside it: the server was emptied (`FLUSHALL`), or came back \
                 without its data; see how it keeps them (`appendonly`)"
            }
            "deleted" => "the topic's stream was deleted: see what does so, and what was not settled is lost",
            _ => "the topic is there, but the group was destroyed (`XGROUP DESTROY`): see what does so",
        };
        metrics::counter!("events_group_lost_total", "topic" => topic.to_string()).increment(1);
        if made == 0 {
            let message = format!(
                "group `{group}` is lost: {what}; a consumer that starts makes the group anew and begins where it is \
                 told to, and with `on_lost=recover` in the URL a running one does so by itself, from the earliest message on"
            );
            return Err(TransportError::new(ErrorKind::NotFound, OPERATION, topic, message));
        }
        self.newest = None;
        // It may be lost as well.
        trim::mark_dead_letter_topic(&self.config, &self.member.dead_letter).await?;
        tracing::error!(
            %topic, %group,
            "the group was lost and is made anew, from the earliest message on: {what}"
        );
        Ok(())
    }
}
