//! A write transaction: topics, groups and appended messages.

use std::collections::{BTreeSet, HashMap};
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::TxnError;
use super::row::{self, Row};
use super::schema::messages_table;
use events_transport::{ConsumerGroup, ErrorKind, Position, StartPosition, Topic, TransportError};

/// A transaction of the writer thread, shared by the requests of a batch.
pub(super) struct Txn<'c> {
    pub(super) conn: &'c Connection,
    /// Milliseconds since the Unix epoch.
    pub(super) now: i64,
    /// The topics whose consumers may find more messages after the commit.
    pub(super) woken: BTreeSet<i64>,
    /// The topics that messages were appended to.
    appended: HashMap<Topic, Appended>,
}

/// Cached state of a topic. Valid during the transaction, since nobody else can append.
struct Appended {
    id: i64,
    last: i64,
    count: u64,
}

/// The row IDs of a topic and a group of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupId {
    pub(super) topic: i64,
    pub(super) group: i64,
}

impl<'c> Txn<'c> {
    pub(super) fn new(conn: &'c Connection) -> Self {
        Self { conn, now: row::millis(SystemTime::now()), woken: BTreeSet::new(), appended: HashMap::new() }
    }

    /// The topic's row ID. Creates the topic if it does not exist.
    pub(super) fn topic(&self, topic: &Topic) -> Result<i64, TxnError> {
        if let Some(id) = find_topic(self.conn, topic)? {
            return Ok(id);
        }
        self.conn.prepare_cached("INSERT INTO topics(name) VALUES (?1)")?.execute([topic.as_str()])?;
        let id = self.conn.last_insert_rowid();
        self.conn.execute_batch(&messages_table(id))?;
        Ok(id)
    }

    /// Appends messages, and returns the position of the first. The positions are consecutive.
    pub(super) fn append(&mut self, topic: &Topic, rows: &[Row]) -> Result<i64, TxnError> {
        if !self.appended.contains_key(topic) {
            let id = self.topic(topic)?;
            let appended = Appended { id, last: last(self.conn, id)?, count: 0 };
            self.appended.insert(topic.clone(), appended);
        }
        let Some(Appended { id, last, count }) = self.appended.get_mut(topic) else {
            // Inserted above.
            return Err(TransportError::no_topic("send to", topic).into());
        };
        let first = last.saturating_add(1);
        let mut insert = self.conn.prepare_cached(&format!(
            "INSERT INTO messages_{id}(seq, time, key, headers, data) VALUES (?1, ?2, ?3, ?4, ?5)"
        ))?;
        for row in rows {
            // Only a corrupt file reaches the maximum, which the table then rejects.
            *last = last.saturating_add(1);
            insert.execute(params![*last, self.now, row.key.as_deref(), row.headers, &row.data[..]])?;
        }
        *count += rows.len() as u64;
        self.woken.insert(*id);
        Ok(first)
    }

    /// The number of messages appended to each topic.
    pub(super) fn into_counts(self) -> impl Iterator<Item = (Topic, u64)> {
        self.appended.into_iter().map(|(topic, appended)| (topic, appended.count))
    }

    /// The row IDs of a group. Creates the topic and the group if they do not exist.
    pub(super) fn join(
        &mut self,
        topic: &Topic,
        group: &ConsumerGroup,
        start: &StartPosition,
    ) -> Result<GroupId, TxnError> {
        let id = self.topic(topic)?;
        if let Some(group) = find_group(self.conn, id, group)? {
            return Ok(GroupId { topic: id, group });
        }
        let cursor = self.cursor("subscribe to", topic, id, start)?;
        self.conn
            .prepare_cached("INSERT INTO groups(topic, name, cursor) VALUES (?1, ?2, ?3)")?
            .execute(params![id, group.as_str(), cursor])?;
        Ok(GroupId { topic: id, group: self.conn.last_insert_rowid() })
    }

    /// Moves a group, and discards its claims and pending messages.
    pub(super) fn seek(
        &mut self,
        topic: &Topic,
        group: &ConsumerGroup,
        start: &StartPosition,
    ) -> Result<(), TxnError> {
        const OPERATION: &str = "move a group on";
        let id = find_topic(self.conn, topic)?.ok_or_else(|| TransportError::no_topic(OPERATION, topic))?;
        let cursor = self.cursor(OPERATION, topic, id, start)?;
        let group = self.join(topic, group, start)?.group;
        self.discard_progress(group)?;
        self.conn.execute("UPDATE groups SET cursor = ?2 WHERE id = ?1", [group, cursor])?;
        self.woken.insert(id);
        Ok(())
    }

    /// Removes a group. Its row ID is never reused, so its members can't affect a later group of its name.
    pub(super) fn remove_group(&mut self, topic: &Topic, group: &ConsumerGroup) -> Result<(), TxnError> {
        const OPERATION: &str = "remove a group from";
        let id = find_topic(self.conn, topic)?.ok_or_else(|| TransportError::no_topic(OPERATION, topic))?;
        let Some(number) = find_group(self.conn, id, group)? else {
            return Err(TransportError::no_group(OPERATION, topic, group).into());
        };
        self.discard_progress(number)?;
        self.conn.execute("DELETE FROM groups WHERE id = ?1", [number])?;
        // Its members then fail with an error.
        self.woken.insert(id);
        Ok(())
    }

    /// Discards the claims and pending messages of a group.
    fn discard_progress(&self, group: i64) -> Result<(), TxnError> {
        for sql in [
            "DELETE FROM gaps WHERE claim IN (SELECT id FROM claims WHERE grp = ?1)",
            "DELETE FROM pending WHERE grp = ?1",
            "DELETE FROM claims WHERE grp = ?1",
        ] {
            self.conn.execute(sql, [group])?;
        }
        Ok(())
    }

    /// The cursor of a group with this start position.
    fn cursor(
        &self,
        operation: &'static str,
        topic: &Topic,
        id: i64,
        start: &StartPosition,
    ) -> Result<i64, TxnError> {
        let last = last(self.conn, id)?;
        let before = trimmed(self.conn, id)?;
        Ok(match start {
            StartPosition::Earliest => before,
            StartPosition::Latest => last,
            StartPosition::Time(time) => self
                .conn
                .query_row(
                    &format!("SELECT seq FROM messages_{id} WHERE time >= ?1 ORDER BY seq LIMIT 1"),
                    [row::millis(*time)],
                    |row| row.get::<_, i64>(0),
                )
                .optional()?
                .map_or(last, |seq| seq.saturating_sub(1)),
            StartPosition::At(Position::Sequence(seq)) => {
                i64::try_from(*seq).unwrap_or(i64::MAX).saturating_sub(1).clamp(before, last)
            }
            _ => {
                let message = "a position of a `sqlite:` topic is a number such as `42`";
                return Err(TransportError::new(ErrorKind::Invalid, operation, topic, message).into());
            }
        })
    }
}

pub(super) fn find_topic(conn: &Connection, topic: &Topic) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached("SELECT id FROM topics WHERE name = ?1")?
        .query_row([topic.as_str()], |row| row.get(0))
        .optional()
}

pub(super) fn find_group(
    conn: &Connection,
    topic: i64,
    group: &ConsumerGroup,
) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached("SELECT id FROM groups WHERE topic = ?1 AND name = ?2")?
        .query_row(params![topic, group.as_str()], |row| row.get(0))
        .optional()
}

/// The last position that the topic has assigned; 0 if none.
pub(super) fn last(conn: &Connection, topic: i64) -> rusqlite::Result<i64> {
    let last: Option<i64> = conn
        .prepare_cached(&format!("SELECT max(seq) FROM messages_{topic}"))?
        .query_row([], |row| row.get(0))?;
    match last {
        Some(last) => Ok(last),
        None => trimmed(conn, topic),
    }
}

/// The last position that retention removed; 0 if none.
pub(super) fn trimmed(conn: &Connection, topic: i64) -> rusqlite::Result<i64> {
    conn.prepare_cached("SELECT trimmed FROM topics WHERE id = ?1")?.query_row([topic], |row| row.get(0))
}
