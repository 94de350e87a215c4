//! A group that is gone under its members: somebody destroyed it or deleted the topic, or the server lost
//! its data.

use ::redis::RedisResult;

use super::super::{ErrorKind, TransportError};
use super::claim::Claimed;
use super::connection::Request;
use super::worker::{Member, Worker};
use super::{entry, error, script, trim};

const OPERATION: &str = "receive from";

impl Worker {
    /// Takes note of what the stream has, so that one that was made anew is told from it.
    pub(super) fn knows(&mut self, claimed: &Claimed) {
        let last = entry::position(claimed.seen[0].as_bytes()).map(|(position, _)| position);
        let entries = claimed.entries.iter().map(|entry| entry.position);
        self.newest = entries.chain(last).chain(self.newest).max();
    }

    /// Sees to a group that a claim did not find: makes it anew, where the settings say so, or tells why it is
    /// gone and what to do.
    pub(super) async fn find_group(&mut self) -> Result<(), TransportError> {
        let newest = self.newest.map_or_else(|| "0-0".to_owned(), |newest| newest.to_string());
        let mut call = self.call(&script::LOST);
        call.arg(self.config.on_lost.as_str()).arg(newest);
        let answer: RedisResult<(String, u8)> = self.connection.ask(Request::Script(&call)).await;
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
