//! Applies retention, and returns free pages to the disk.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, OptionalExtension as _};

use super::error::TxnError;
use super::row::millis;
use super::schema::table_exists;
use super::txn::{GroupId, Txn, find_topic, last, trimmed};
use events_transport::RetentionPolicy;
use events_transport::{Retention, Topic, Trimmed};

/// The most messages removed per transaction, so that senders are not delayed.
const MAX_REMOVED: i64 = 2_000;
/// The number of free pages that stay in the file for reuse.
const MIN_FREE_PAGES: i64 = 1_024;
/// Returns pages in one transaction.
const FREE_PAGES: &str = "PRAGMA incremental_vacuum(256)";
/// The value of `PRAGMA auto_vacuum` for a file that can return pages.
const INCREMENTAL: i64 = 2;
/// A topic is trimmed after this many messages or this much time.
const EVERY_COUNT: u64 = 4_096;
const EVERY_TIME: Duration = Duration::from_secs(60);

/// The result of one transaction.
pub(super) struct TrimBatch {
    pub(super) trimmed: Trimmed,
    /// The topic holds dead letters.
    is_dead_letter_topic: bool,
}

impl TrimBatch {
    /// Whether there may be more to remove.
    pub(super) fn is_full(&self) -> bool {
        self.trimmed.removed >= MAX_REMOVED.unsigned_abs()
    }

    /// Reports what was removed. Called after the commit.
    pub(super) fn report(&self, topic: &Topic) {
        self.trimmed.report(topic, self.is_dead_letter_topic);
    }
}

/// Returns some free pages to the disk if there are many, and whether more should follow.
pub(super) fn free_pages(conn: &Connection) -> rusqlite::Result<bool> {
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let many = || {
        Ok::<_, rusqlite::Error>(pragma("freelist_count")? > (pragma("page_count")? / 4).max(MIN_FREE_PAGES))
    };
    if pragma("auto_vacuum")? != INCREMENTAL || !many()? {
        return Ok(false);
    }
    conn.execute_batch(FREE_PAGES)?;
    many()
}

fn is_dead_letter_topic(conn: &Connection, topic: &Topic) -> rusqlite::Result<bool> {
    let kept = |sql: &str| conn.prepare_cached(sql)?.exists([topic.as_str()]);
    Ok(topic.holds_dead_letters()
        || (table_exists(conn, "dead_letter_topics")?
            && kept("SELECT 1 FROM dead_letter_topics WHERE name = ?1")?))
}

impl Txn<'_> {
    /// Removes up to [`CHUNK`] messages of a topic.
    pub(super) fn trim(&mut self, topic: &Topic, policy: &RetentionPolicy) -> Result<TrimBatch, TxnError> {
        let is_dead_letter_topic = is_dead_letter_topic(self.conn, topic)?;
        let retention = if is_dead_letter_topic { policy.of_dead_letters(topic) } else { policy.of(topic) };
        let trimmed = self.trim_by(topic, &retention)?;
        Ok(TrimBatch { trimmed, is_dead_letter_topic })
    }

    /// Marks a topic as a dead-letter topic unless its name shows it, so that every process applies the
    /// retention of dead letters.
    ///
    /// The table is created on first use. Earlier versions ignore it.
    pub(super) fn mark_dead_letter_topic(&self, topic: &Topic) -> Result<(), TxnError> {
        if !is_dead_letter_topic(self.conn, topic)? {
            self.conn.execute_batch(
                "CREATE TABLE IF NOT EXISTS dead_letter_topics(name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
            )?;
            self.conn.execute("INSERT INTO dead_letter_topics(name) VALUES (?1)", [topic.as_str()])?;
        }
        Ok(())
    }

    fn trim_by(&mut self, topic: &Topic, retention: &Retention) -> Result<Trimmed, TxnError> {
        let Some(id) = find_topic(self.conn, topic)? else {
            return Ok(Trimmed::default());
        };
        let (last, before) = (last(self.conn, id)?, trimmed(self.conn, id)?);
        let mut until = before.saturating_add(1);
        if let Some(oldest) = retention.max_age.and_then(|age| SystemTime::now().checked_sub(age)) {
            let young: Option<i64> = self
                .conn
                .prepare_cached(&format!(
                    "SELECT seq FROM messages_{id} WHERE time >= ?1 ORDER BY seq LIMIT 1"
                ))?
                .query_row([millis(oldest)], |row| row.get(0))
                .optional()?;
            until = until.max(young.unwrap_or(last.saturating_add(1)));
        }
        if let Some(count) = retention.max_count {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            until = until.max(last.saturating_sub(count).saturating_add(1));
        }
        let low_water = self.low_water(id)?;
        if !retention.drop_unsettled {
            until = until.min(low_water.unwrap_or(i64::MAX));
        }
        until = until.min(before.saturating_add(1 + MAX_REMOVED));
        if until <= before.saturating_add(1) {
            return Ok(Trimmed::default());
        }
        let unsettled = if retention.drop_unsettled { self.discard_before(id, until)? } else { 0 };
        let removed = self.conn.execute(&format!("DELETE FROM messages_{id} WHERE seq < ?1"), [until])?;
        self.conn.execute("UPDATE topics SET trimmed = ?2 WHERE id = ?1", [id, until.saturating_sub(1)])?;
        let unread = if low_water.is_none() { removed as u64 } else { 0 };
        Ok(Trimmed::new(removed as u64, unsettled).with_unread(unread))
    }

    /// The first message that a group has not settled; `None` if there is no group.
    fn low_water(&self, topic: i64) -> Result<Option<i64>, TxnError> {
        let low = self
            .conn
            .prepare_cached(
                // In a corrupt file, a sum may overflow to a float.
                "SELECT CAST(min(min(
                 g.cursor + 1,
                 coalesce((SELECT min(seq) FROM pending WHERE grp = g.id), g.cursor + 1),
                 coalesce((SELECT min(first) FROM claims WHERE grp = g.id), g.cursor + 1)
             )) AS INTEGER) FROM groups g WHERE g.topic = ?1",
            )?
            .query_row([topic], |row| row.get(0))?;
        Ok(low)
    }

    /// Discards the state of all groups before a message. Returns the greatest number of messages that one
    /// group had not settled.
    fn discard_before(&mut self, topic: i64, until: i64) -> Result<u64, TxnError> {
        let groups: Vec<(i64, i64)> = self
            .conn
            .prepare_cached("SELECT id, cursor FROM groups WHERE topic = ?1")?
            .query_map([topic], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut most = 0;
        for (group, cursor) in groups {
            let flying: i64 = self
                .conn
                .prepare_cached(
                    "SELECT CAST(coalesce(total(
                         max(0, min(last, ?2 - 1) - first + 1)
                         - (SELECT count(*) FROM gaps
                            WHERE claim = claims.id AND seq >= claims.first AND seq < ?2)
                     ), 0) AS INTEGER) FROM claims WHERE grp = ?1 AND first IS NOT NULL AND first < ?2",
                )?
                .query_row([group, until], |row| row.get(0))?;
            let waiting =
                self.conn.execute("DELETE FROM pending WHERE grp = ?1 AND seq < ?2", [group, until])?;
            let ahead = until.saturating_sub(1).saturating_sub(cursor).max(0);
            self.conn.execute(
                "UPDATE groups SET cursor = max(cursor, ?2) WHERE id = ?1",
                [group, until.saturating_sub(1)],
            )?;
            self.unblock_all(GroupId { topic, group })?;
            let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
            let open = flying.saturating_add(waiting).saturating_add(ahead);
            most = most.max(u64::try_from(open).unwrap_or(0));
        }
        Ok(most)
    }
}

/// Decides which topics are due for trimming.
#[derive(Default)]
pub(super) struct Schedule {
    topics: HashMap<Topic, (u64, Instant)>,
    due: Vec<Topic>,
}

impl Schedule {
    /// Called after messages were stored.
    pub(super) fn appended(&mut self, topic: Topic, count: u64) {
        let Some((appended, since)) = self.topics.get_mut(&topic) else {
            // Trim on first use: a program that sends little or exits soon would never trim.
            self.topics.insert(topic.clone(), (0, Instant::now()));
            return self.reschedule(topic);
        };
        *appended += count;
        if *appended >= EVERY_COUNT || since.elapsed() >= EVERY_TIME {
            *appended = 0;
            *since = Instant::now();
            self.reschedule(topic);
        }
    }

    /// Makes a topic due, for example because more is left to trim.
    pub(super) fn reschedule(&mut self, topic: Topic) {
        if !self.due.contains(&topic) {
            self.due.push(topic);
        }
    }

    pub(super) fn next(&mut self) -> Option<Topic> {
        self.due.pop()
    }
}
