//! The table and its statements, as text.

/// The statements of a [`SqliteInbox`](super::SqliteInbox) as text, for programs that reach their
/// database by another crate: whoever runs them shares the table with those that use this one.
///
/// They need `SQLite` 3.42. A name is a text, an id the 16 bytes of the UUID as a blob, a time an
/// integer: milliseconds since 1970, of the machine's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteStatements {
    /// Makes the table where it is missing.
    pub create: String,
    /// Inserts: `?1` the inbox's name, `?2` the id. It changes 1 row where the event is new and must be
    /// handled in the same transaction, 0 rows where it was handled before. Its time is the clock's, or
    /// one millisecond past the newest row's where that is later: rows stay in the order in which they
    /// came when the clock is set back.
    ///
    /// Before `COMMIT`, make sure that the transaction is still the one of the insert: a statement with
    /// `ON CONFLICT ROLLBACK` may have ended it. `sqlite3_get_autocommit` gives 0 within a transaction,
    /// and [`contains`](Self::contains) gives a row.
    pub insert: String,
    /// Gives a row where an event was handled: `?1` the inbox's name, `?2` the id.
    pub contains: String,
    /// Deletes the rows that are too old, the oldest first: `?1` the inbox's name, `?2` the age in
    /// milliseconds, `?3` how many at most.
    pub prune: String,
    /// Gives time and id of the newest row beyond a count: `?1` the inbox's name, `?2` the count. It
    /// reads as many entries of an index as rows are kept.
    pub surplus: String,
    /// Deletes the rows up to one that `surplus` gave, the oldest first: `?1` the inbox's name, `?2` and
    /// `?3` that row's time and id, `?4` how many at most.
    pub prune_surplus: String,
}

/// Now, in milliseconds since 1970.
const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

impl SqliteStatements {
    /// The rows of a group lie together, in the order of their ids: new ids of version 7 are appended.
    pub(super) fn of(table: &str) -> Self {
        let oldest = |condition: &str, limit: &str| {
            format!(
                "DELETE FROM \"{table}\" WHERE (consumer_group, event_id) IN (\n    \
                 SELECT consumer_group, event_id FROM \"{table}\"\n    \
                 WHERE consumer_group = ?1 AND {condition}\n    \
                 ORDER BY handled_at, event_id LIMIT {limit}\n)"
            )
        };
        Self {
            create: format!(
                "CREATE TABLE IF NOT EXISTS \"{table}\" (\n    \
                 consumer_group TEXT NOT NULL,\n    \
                 event_id BLOB NOT NULL CHECK (length(event_id) = 16),\n    \
                 handled_at INTEGER NOT NULL,\n    \
                 PRIMARY KEY (consumer_group, event_id),\n    \
                 UNIQUE (consumer_group, handled_at, event_id)\n\
                 ) STRICT, WITHOUT ROWID"
            ),
            insert: format!(
                "INSERT INTO \"{table}\" (consumer_group, event_id, handled_at)\n\
                 VALUES (?1, ?2, max({NOW}, 1 + coalesce((\n    \
                 SELECT handled_at FROM \"{table}\" WHERE consumer_group = ?1\n    \
                 ORDER BY handled_at DESC LIMIT 1\n\
                 ), 0)))\n\
                 ON CONFLICT DO NOTHING"
            ),
            contains: format!("SELECT 1 FROM \"{table}\" WHERE consumer_group = ?1 AND event_id = ?2"),
            prune: oldest(&format!("handled_at < {NOW} - ?2"), "?3"),
            surplus: format!(
                "SELECT handled_at, event_id FROM \"{table}\" WHERE consumer_group = ?1\n\
                 ORDER BY handled_at DESC, event_id DESC LIMIT 1 OFFSET ?2"
            ),
            prune_surplus: oldest("(handled_at, event_id) <= (?2, ?3)", "?4"),
        }
    }
}
