//! What a group has not settled, seen without a claim.

use ::redis::RedisResult;

use super::super::{ConsumerGroup, ErrorKind, Position, StoredMessage, Topic, TransportError};
use super::claim::{self, garbled};
use super::connection::{Connection, Request};
use super::msgpack::Reader;
use super::{error, script};

const OPERATION: &str = "look into";

/// The unsettled entries of a group behind a position, in order: up to `max`, and fewer where they are
/// large.
pub(super) async fn read(
    connection: &Connection,
    topic: &Topic,
    group: &ConsumerGroup,
    after: Option<Position>,
    max: usize,
) -> Result<Vec<StoredMessage>, TransportError> {
    let mut after = match after {
        None => "0-0".to_owned(),
        Some(position @ Position::Entry { .. }) => position.to_string(),
        Some(_) => {
            let message = "positions of Redis are entries' ids, such as `1526919030474-55`";
            return Err(TransportError::new(ErrorKind::Invalid, OPERATION, topic, message));
        }
    };
    if max == 0 {
        return Ok(Vec::new());
    }
    // One call is one step of the server, during which it serves nobody else.
    let max = max.min(claim::ENTRIES_AT_MOST);
    loop {
        let mut call = script::on(&script::UNSETTLED, topic, Some(group));
        call.arg(&after).arg(max).arg(StoredMessage::BYTES_AT_MOST);
        let answer: RedisResult<(Vec<u8>, String)> = connection.ask(Request::Script(&call)).await;
        let (found, next) = answer.map_err(|error| error::convert(error, OPERATION, topic))?;
        let found = entries(&found).ok_or_else(|| garbled(topic))?;
        // Where all of a portion were gone from the stream, there may be more behind them.
        if !found.is_empty() || next.is_empty() {
            return Ok(found);
        }
        after = next;
    }
}

/// Reads the entries; `None` where they are not as the script gives them.
fn entries(found: &[u8]) -> Option<Vec<StoredMessage>> {
    let mut found = Reader(found);
    let mut entries = Vec::new();
    if !found.is_empty() {
        for _ in 0..found.list()? {
            let claim::Entry { position, time, message, .. } = claim::read_entry(&mut found)?;
            entries.push(StoredMessage::new(message, position, time));
        }
    }
    Some(entries)
}
