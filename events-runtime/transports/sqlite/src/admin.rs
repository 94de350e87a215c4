//! Lists topics, groups and unsettled messages, and checks the file for `doctor`.

use rusqlite::{Connection, params};

use super::config::{Config, Synchronous};
use super::error::TxnError;
use super::row::{self, COLUMNS, run_length};
use super::schema::VERSION;
use super::txn::{find_group, find_topic, last};
use events_support::error_chain::chain;
use events_transport::{
    ConsumerGroup, ErrorKind, GroupStatus, Health, NameError, Position, StoredMessage, Topic, TopicStatus,
    TransportError,
};

/// The operation of [`unsettled`], for errors.
pub(super) const UNSETTLED: &str = "look into";

/// All topics, sorted by name.
pub(super) fn topics(conn: &Connection) -> Result<Vec<TopicStatus>, TxnError> {
    let found: Vec<(i64, Option<Topic>)> = conn
        .prepare_cached("SELECT id, name FROM topics ORDER BY name")?
        .query_map([], |row| Ok((row.get(0)?, named(row, 1, Topic::new)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut topics = Vec::with_capacity(found.len());
    for (id, topic) in found {
        let Some(topic) = topic else { continue };
        let (first, last): (Option<i64>, Option<i64>) = conn.query_row(
            &format!("SELECT (SELECT min(seq) FROM messages_{id}), (SELECT max(seq) FROM messages_{id})"),
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let messages = first.zip(last).map_or(0, |(first, last)| run_length(first, last).unsigned_abs());
        let position = |seq: i64| Position::Sequence(seq.unsigned_abs());
        topics.push(TopicStatus::new(topic, messages, first.map(position), last.map(position)));
    }
    Ok(topics)
}

/// The groups of a topic with their lag, sorted by name.
pub(super) fn groups(conn: &Connection, topic: &Topic) -> Result<Vec<GroupStatus>, TxnError> {
    let id = find_topic(conn, topic)?.ok_or_else(|| TransportError::no_topic("list the groups of", topic))?;
    let last = last(conn, id)?;
    let mut statement = conn.prepare_cached(
        "SELECT name, cursor,
             (SELECT count(*) FROM pending WHERE grp = groups.id AND claim IS NULL),
             (SELECT count(*) FROM pending WHERE grp = groups.id AND claim IS NOT NULL),
             (SELECT coalesce(sum(max(0, min(1000000000000, c.last - c.first + 1
                 - (SELECT count(*) FROM gaps WHERE claim = c.id)))), 0)
              FROM claims c WHERE c.grp = groups.id AND c.first IS NOT NULL),
             min(cursor + 1,
                 coalesce((SELECT min(seq) FROM pending WHERE grp = groups.id), cursor + 1),
                 coalesce((SELECT min(first) FROM claims WHERE grp = groups.id), cursor + 1))
         FROM groups WHERE topic = ?1 ORDER BY name",
    )?;
    let rows = statement.query_map(params![id], |row| {
        let counts: [i64; 5] = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
        Ok((named(row, 0, ConsumerGroup::new)?, counts))
    })?;
    let mut groups = Vec::new();
    for row in rows {
        let (group, [cursor, waiting, again, fresh, next]) = row?;
        let Some(group) = group else { continue };
        let count = |count: i64| u64::try_from(count).unwrap_or(0);
        let in_flight = count(again.saturating_add(fresh));
        let waiting = count(waiting);
        let lag = in_flight + waiting + count(last.saturating_sub(cursor));
        let next = (lag > 0).then(|| Position::Sequence(next.unsigned_abs()));
        groups.push(GroupStatus::new(group, lag, in_flight, waiting).next(next));
    }
    Ok(groups)
}

/// The name in a column; `None` if it is invalid. Invalid names are skipped in listings, and reported in the
/// log and by [`check`].
fn named<T>(
    row: &rusqlite::Row<'_>,
    at: usize,
    parse: impl FnOnce(String) -> Result<T, NameError>,
) -> rusqlite::Result<Option<T>> {
    let name = row.get_ref(at)?.as_bytes().map(String::from_utf8_lossy).unwrap_or_default();
    Ok(match parse(name.into_owned()) {
        Ok(name) => Some(name),
        Err(error) => {
            tracing::warn!(error = chain(&error), "skipped an invalid topic or group name in a SQLite file");
            None
        }
    })
}

/// The number of invalid topic and group names.
fn damaged_names(conn: &Connection) -> rusqlite::Result<usize> {
    let mut damaged = 0;
    let mut topics = conn.prepare("SELECT name FROM topics")?;
    for name in topics.query_map([], |row| named(row, 0, Topic::new))? {
        damaged += usize::from(name?.is_none());
    }
    let mut groups = conn.prepare("SELECT name FROM groups")?;
    for name in groups.query_map([], |row| named(row, 0, ConsumerGroup::new))? {
        damaged += usize::from(name?.is_none());
    }
    Ok(damaged)
}

/// Checks the whole file for corruption.
pub(super) fn check(conn: &Connection, config: &Config) -> Result<Health, TxnError> {
    let verdict: String = conn.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if verdict != "ok" {
        let message = format!(
            "the file is corrupt ({verdict}): stop all programs that use it, make a copy, and recover its content \
             with `sqlite3 FILE .recover`"
        );
        return Err(TransportError::new(ErrorKind::Corrupt, "check", &config.url, message).into());
    }
    let damaged = damaged_names(conn)?;
    if damaged > 0 {
        let message = format!(
            "invalid topic or group names in the file: {damaged}; stop all programs that use it, make a copy, and \
             correct the names in the tables `topics` and `groups`"
        );
        return Err(TransportError::new(ErrorKind::Corrupt, "check", &config.url, message).into());
    }
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = pragma("page_count")? * pragma("page_size")?;
    let free = pragma("freelist_count")? * pragma("page_size")?;
    let topics: i64 = conn.query_row("SELECT count(*) FROM topics", [], |row| row.get(0))?;
    let facts = vec![
        ("file", config.path.display().to_string()),
        ("size", format!("{bytes} bytes, {free} of them free")),
        ("tables", format!("version {VERSION}")),
        ("topics", topics.to_string()),
        ("durability", config.synchronous.guarantee().to_owned()),
        ("sqlite", rusqlite::version().to_owned()),
    ];
    let warnings = if config.synchronous == Synchronous::Off { vec!["durability"] } else { Vec::new() };
    Ok(Health::new(facts, warnings))
}

/// The unsettled messages of a group after a position, in order: up to `max`, fewer if they are large.
pub(super) fn unsettled(
    conn: &Connection,
    topic: &Topic,
    group: &ConsumerGroup,
    after: Option<Position>,
    max: usize,
) -> Result<Vec<StoredMessage>, TxnError> {
    let id = find_topic(conn, topic)?.ok_or_else(|| TransportError::no_topic(UNSETTLED, topic))?;
    let after = match after {
        None => 0,
        Some(Position::Sequence(seq)) => i64::try_from(seq).unwrap_or(i64::MAX),
        Some(_) => {
            let message = "a position of a `sqlite:` topic is a number such as `42`";
            return Err(TransportError::new(ErrorKind::Invalid, UNSETTLED, topic, message).into());
        }
    };
    // No group has the row ID 0, so all messages are unsettled.
    let group = find_group(conn, id, group)?.unwrap_or(0);
    // Messages before `next`, and those up to the cursor without an exception, are settled.
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
