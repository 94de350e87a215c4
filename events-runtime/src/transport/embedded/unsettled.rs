//! What a group has not settled, seen without a claim.

use rusqlite::{Connection, params};

use super::super::{ConsumerGroup, ErrorKind, Position, StoredMessage, Topic, TransportError};
use super::fault::Fault;
use super::row::{self, COLUMNS};
use super::txn::{find_group, find_topic};

pub(super) const OPERATION: &str = "look into";

/// The unsettled messages of a group behind a position, in order: up to `max`, and fewer where they
/// are large.
pub(super) fn read(
    conn: &Connection,
    topic: &Topic,
    group: &ConsumerGroup,
    after: Option<Position>,
    max: usize,
) -> Result<Vec<StoredMessage>, Fault> {
    let id = find_topic(conn, topic)?.ok_or_else(|| TransportError::no_topic(OPERATION, topic))?;
    let after = match after {
        None => 0,
        Some(Position::Sequence(seq)) => i64::try_from(seq).unwrap_or(i64::MAX),
        Some(_) => {
            let message = "positions of a `sqlite:` topic are plain numbers, such as `42`";
            return Err(TransportError::new(ErrorKind::Invalid, OPERATION, topic, message).into());
        }
    };
    // No group has the number 0: to it nothing is settled.
    let group = find_group(conn, id, group)?.unwrap_or(0);
    // What is settled stands before the earliest of these, and between them.
    let mut statement = conn.prepare_cached(&format!(
        "WITH progress(cursor, next) AS (
             SELECT cursor, min(cursor + 1,
                 coalesce((SELECT min(seq) FROM pending WHERE grp = ?1), cursor + 1),
                 coalesce((SELECT min(first) FROM claims WHERE grp = ?1), cursor + 1))
             FROM groups WHERE id = ?1
         )
         SELECT {COLUMNS} FROM messages_{id} AS m
         WHERE seq > ?2 AND seq >= coalesce((SELECT next FROM progress), 0)
             AND (seq > coalesce((SELECT cursor FROM progress), 0)
                 OR EXISTS(SELECT 1 FROM pending AS p WHERE p.grp = ?1 AND p.seq = m.seq)
                 OR EXISTS(SELECT 1 FROM claims AS c WHERE c.grp = ?1 AND m.seq BETWEEN c.first AND c.last
                     AND NOT EXISTS(SELECT 1 FROM gaps AS g WHERE g.claim = c.id AND g.seq = m.seq)))
         ORDER BY seq LIMIT ?3"
    ))?;
    let mut rows = statement.query(params![group, after, i64::try_from(max).unwrap_or(i64::MAX)])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while bytes < StoredMessage::BYTES_AT_MOST
        && let Some(row) = rows.next()?
    {
        let row::Stored { seq, time, message } = row::read(row)?;
        bytes += message.data.len() + message.headers.iter().map(|(_, value)| value.len()).sum::<usize>();
        found.push(StoredMessage::new(message, Position::Sequence(seq.unsigned_abs()), time));
    }
    Ok(found)
}
