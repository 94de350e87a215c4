//! What the listings and `doctor` show of the file.

use rusqlite::{Connection, params};

use super::super::{
    ConsumerGroup, ErrorKind, GroupStatus, Health, Position, Topic, TopicStatus, TransportError,
};
use super::fault::Fault;
use super::schema::VERSION;
use super::settings::{Settings, Synchronous};
use super::txn::{find_topic, last};

/// All topics with what they hold, by name.
pub(super) fn topics(conn: &Connection) -> Result<Vec<TopicStatus>, Fault> {
    let found: Vec<(i64, String)> = conn
        .prepare_cached("SELECT id, name FROM topics ORDER BY name")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut topics = Vec::with_capacity(found.len());
    for (id, name) in found {
        let topic = Topic::new(name).map_err(damaged)?;
        let (first, last): (Option<i64>, Option<i64>) = conn.query_row(
            &format!("SELECT (SELECT min(seq) FROM messages_{id}), (SELECT max(seq) FROM messages_{id})"),
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let messages = first.zip(last).map_or(0, |(first, last)| (last - first + 1).unsigned_abs());
        let position = |seq: i64| Position::Sequence(seq.unsigned_abs());
        topics.push(TopicStatus::new(topic, messages, first.map(position), last.map(position)));
    }
    Ok(topics)
}

/// The groups of a topic with their lag, by name.
pub(super) fn groups(conn: &Connection, topic: &Topic) -> Result<Vec<GroupStatus>, Fault> {
    let id = find_topic(conn, topic)?.ok_or_else(|| TransportError::no_topic("list the groups of", topic))?;
    let last = last(conn, id)?;
    let mut statement = conn.prepare_cached(
        "SELECT name, cursor,
             (SELECT count(*) FROM pending WHERE grp = groups.id AND claim IS NULL),
             (SELECT count(*) FROM pending WHERE grp = groups.id AND claim IS NOT NULL),
             (SELECT coalesce(sum(c.last - c.first + 1
                 - (SELECT count(*) FROM gaps WHERE claim = c.id)), 0)
              FROM claims c WHERE c.grp = groups.id AND c.first IS NOT NULL),
             min(cursor + 1,
                 coalesce((SELECT min(seq) FROM pending WHERE grp = groups.id), cursor + 1),
                 coalesce((SELECT min(first) FROM claims WHERE grp = groups.id), cursor + 1))
         FROM groups WHERE topic = ?1 ORDER BY name",
    )?;
    let rows = statement.query_map(params![id], |row| {
        let counts: [i64; 5] = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
        Ok((row.get::<_, String>(0)?, counts))
    })?;
    rows.map(|row| {
        let (name, [cursor, waiting, again, fresh, next]) = row?;
        let count = |count: i64| u64::try_from(count).unwrap_or(0);
        let in_flight = count(again + fresh);
        let waiting = count(waiting);
        let lag = in_flight + waiting + count(last - cursor);
        let group = ConsumerGroup::new(name).map_err(damaged)?;
        let next = (lag > 0).then(|| Position::Sequence(next.unsigned_abs()));
        Ok(GroupStatus::new(group, lag, in_flight, waiting).next(next))
    })
    .collect()
}

fn damaged(error: super::super::NameError) -> Fault {
    let message = "the file holds a name that it can't hold: something else wrote to it";
    TransportError::new(ErrorKind::Corrupt, "read", "the file", message).with_source(error).into()
}

/// Reads the whole file and says what is wrong with it.
pub(super) fn check(conn: &Connection, settings: &Settings) -> Result<Health, Fault> {
    let verdict: String = conn.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if verdict != "ok" {
        let message = format!(
            "the file is damaged ({verdict}): stop all that use it, keep a copy, and recover what can be \
             read with `sqlite3 FILE .recover`"
        );
        return Err(TransportError::new(ErrorKind::Corrupt, "check", &settings.url, message).into());
    }
    let pragma = |name| conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let bytes = pragma("page_count")? * pragma("page_size")?;
    let free = pragma("freelist_count")? * pragma("page_size")?;
    let topics: i64 = conn.query_row("SELECT count(*) FROM topics", [], |row| row.get(0))?;
    Ok(Health {
        facts: vec![
            ("file", settings.path.display().to_string()),
            ("size", format!("{bytes} bytes, {free} of them free")),
            ("tables", format!("version {VERSION}")),
            ("topics", topics.to_string()),
            ("durability", settings.synchronous.guarantee().to_owned()),
            ("sqlite", rusqlite::version().to_owned()),
        ],
        warnings: if settings.synchronous == Synchronous::Off { vec!["durability"] } else { Vec::new() },
    })
}
