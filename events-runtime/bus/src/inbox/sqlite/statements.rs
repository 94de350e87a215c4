//! The SQL statements of the inbox.

/// The SQL statements of a [`SqliteInbox`](super::SqliteInbox), for programs that access their database
/// with another crate. They share the table with programs that use this one.
///
/// They need `SQLite` 3.42. A name is text, an id a blob with the 16 bytes of the UUID, a time an integer:
/// milliseconds since 1970 by the machine's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteStatements {
    /// Creates the table if it does not exist.
    pub create: String,
    /// Inserts: `?1` the inbox's name, `?2` the id. Changes 1 row if the event is new and must be handled
    /// in the same transaction, 0 rows if it was handled before. The row's time is the clock's, or one
    /// millisecond after the newest row's if that is later, so that rows stay in insertion order when the
    /// clock is set back.
    ///
    /// Before `COMMIT`, check that the transaction is still the one of the insert, since a statement with
    /// `ON CONFLICT ROLLBACK` may have ended it: `sqlite3_get_autocommit` must return 0, and
    /// [`contains`](Self::contains) a row.
    pub insert: String,
    /// Returns a row if an event was handled: `?1` the inbox's name, `?2` the id.
    pub contains: String,
    /// Deletes rows that are too old, oldest first: `?1` the inbox's name, `?2` the age in milliseconds,
    /// `?3` the maximum number.
    pub prune: String,
    /// Returns the time and id of the newest surplus row: `?1` the inbox's name, `?2` the number of rows to
    /// keep. Reads as many index entries as rows are kept.
    pub surplus: String,
    /// Deletes rows up to one that `surplus` returned, oldest first: `?1` the inbox's name, `?2` and `?3`
    /// that row's time and id, `?4` the maximum number.
    pub prune_surplus: String,
}

/// The current time in milliseconds since 1970.
const NOW: &str = "CAST(unixepoch('subsec') * 1000 AS INTEGER)";

impl SqliteStatements {
    /// The rows of a group are stored together, in the order of their ids: new version 7 ids are appended.
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
