//! Creates groups, and recreates groups that were lost: by `XGROUP DESTROY`, with a deleted stream, or
//! with the server's data.

use std::time::SystemTime;

use ::redis::RedisResult;

use super::claim::Claimed;
use super::config::Config;
use super::connection::{Connection, Request};
use super::worker::{Member, Worker};
use super::{entry, error, script, trim};
use events_transport::{ConsumerGroup, ErrorKind, Position, StartPosition, Topic, TransportError};

/// The entry ID after which a group with this start position begins to read.
pub(super) fn start_id(
    operation: &'static str,
    topic: &Topic,
    start: &StartPosition,
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
        StartPosition::At(Position::Entry { millis, sequence }) => before(*millis, *sequence),
        _ => {
            let message = "a position of a Redis topic is an entry ID such as `1526919030474-55`";
            return Err(TransportError::new(ErrorKind::Invalid, operation, topic, message));
        }
    })
}

/// Creates the group if it does not exist, and applies the settings that move it.
pub(super) async fn join_group(
    connection: &Connection,
    config: &Config,
    topic: &Topic,
    group: &ConsumerGroup,
    start: StartPosition,
) -> Result<(), TransportError> {
    const OPERATION: &str = "subscribe to";
    let mut call = script::on(&script::JOIN, topic, Some(group));
    call.arg(start_id(OPERATION, topic, &start)?);
    let created: RedisResult<i64> = connection.query(Request::Script(&call)).await;
    created.map_err(|error| error::convert(error, OPERATION, topic))?;
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
    /// Records the newest entry of the stream, to recognize a recreated stream later.
    pub(super) fn observe(&mut self, claimed: &Claimed) {
        let last = entry::position(claimed.last_ids[0].as_bytes()).map(|(position, _)| position);
        let entries = claimed.entries.iter().map(|entry| entry.position);
        self.newest = entries.chain(last).chain(self.newest).max_by_key(|position| position.sort_key());
    }

    /// Handles a claim that did not find its group: recreates the group if `on_lost` says so, otherwise
    /// returns an error with the cause.
    pub(super) async fn recover_group(&mut self) -> Result<(), TransportError> {
        const OPERATION: &str = "receive from";
        let newest = self.newest.map_or_else(|| "0-0".to_owned(), |newest| newest.to_string());
        let mut call = self.call(&script::RECOVER_GROUP);
        call.arg(self.config.on_lost.as_str()).arg(newest);
        let answer: RedisResult<(String, u8)> = self.connection.query(Request::Script(&call)).await;
        let Member { topic, group, .. } = &self.member;
        let (state, created) = answer.map_err(|error| error::convert(error, OPERATION, topic))?;
        let cause = match &*state {
            "there" => return Ok(()),
            "removed" => return Err(TransportError::no_group(OPERATION, topic, group)),
            "emptied" => {
                "the topic and all its state are gone: the server was flushed (`FLUSHALL`) or restarted without its \
                 data; check its persistence (`appendonly`)"
            }
            "deleted" => "the topic's stream was deleted with its unsettled messages: check what deletes it",
            _ => "the topic exists, but the group was destroyed (`XGROUP DESTROY`): check what destroys it",
        };
        metrics::counter!("events_group_lost_total", "topic" => topic.to_string()).increment(1);
        if created == 0 {
            let message = format!(
                "group `{group}` is lost: {cause}; restart the consumer to recreate the group at its start position, or \
                 set `on_lost=recover` in the URL to have running consumers recreate it at the earliest message"
            );
            return Err(TransportError::new(ErrorKind::NotFound, OPERATION, topic, message));
        }
        self.newest = None;
        // The mark may be lost too.
        trim::mark_dead_letter_topic(&self.config, &self.member.dead_letter_topic).await?;
        tracing::error!(
            %topic, %group,
            "the group was lost and is recreated at the earliest message: {cause}"
        );
        Ok(())
    }
}
