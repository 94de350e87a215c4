//! The table and its statements, as text.

/// The statements of a [`PostgresInbox`](super::PostgresInbox) as text, for programs that reach their
/// database by another crate such as sqlx or diesel: whoever runs them shares the table with those that
/// use this one.
///
/// A name is a `text`, an id a `uuid`, a time a `timestamptz` of the server's clock. The user needs
/// `SELECT`, `INSERT`, `UPDATE` (to lock rows) and `DELETE`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresStatements {
    /// Makes the table where it is missing: two statements, as one batch. The first is a lock, so that
    /// processes that start at the same time make it one after the other.
    pub create: String,
    /// Inserts: `$1` the inbox's name, `$2` the id. It changes 1 row where the event is new and must be
    /// handled in the same transaction, 0 rows where it was handled before.
    pub insert: String,
    /// Gives a row where an event was handled: `$1` the inbox's name, `$2` the id.
    pub contains: String,
    /// Deletes the rows that are too old, the oldest first: `$1` the inbox's name, `$2` the age in
    /// milliseconds (`int8`), `$3` how many at most (`int8`). Rows that another transaction has locked are
    /// left to it.
    pub prune: String,
    /// Gives time and id of the newest row beyond a count: `$1` the inbox's name, `$2` the count
    /// (`int8`). It reads as many entries of an index as rows are kept.
    pub surplus: String,
    /// Deletes the rows up to one that `surplus` gave, the oldest first: `$1` the inbox's name, `$2` and
    /// `$3` that row's time and id, `$4` how many at most (`int8`).
    pub prune_surplus: String,
}

impl PostgresStatements {
    pub(super) fn of(table: &str) -> Self {
        let oldest = |condition: &str, limit: &str| {
            format!(
                "DELETE FROM \"{table}\" WHERE (consumer_group, event_id) IN (\n    \
                 SELECT consumer_group, event_id FROM \"{table}\"\n    \
                 WHERE consumer_group = $1 AND {condition}\n    \
                 ORDER BY handled_at, event_id LIMIT {limit} FOR UPDATE SKIP LOCKED\n)"
            )
        };
        Self {
            // One statement makes all: `CREATE INDEX IF NOT EXISTS` would wait for every open
            // transaction that has inserted, whether the index is there or not.
            create: format!(
                "SELECT pg_advisory_xact_lock(hashtextextended('events_runtime inbox {table}', 0));\n\
                 CREATE TABLE IF NOT EXISTS \"{table}\" (\n    \
                 consumer_group text NOT NULL,\n    \
                 event_id uuid NOT NULL,\n    \
                 handled_at timestamptz NOT NULL DEFAULT clock_timestamp(),\n    \
                 PRIMARY KEY (consumer_group, event_id),\n    \
                 UNIQUE (consumer_group, handled_at, event_id)\n\
                 )"
            ),
            insert: format!(
                "INSERT INTO \"{table}\" (consumer_group, event_id) VALUES ($1, $2)\n\
                 ON CONFLICT (consumer_group, event_id) DO NOTHING"
            ),
            contains: format!("SELECT 1 FROM \"{table}\" WHERE consumer_group = $1 AND event_id = $2"),
            // `clock_timestamp()` would read every row: it changes within a statement.
            prune: oldest("handled_at < statement_timestamp() - $2 * interval '1 millisecond'", "$3"),
            surplus: format!(
                "SELECT handled_at, event_id FROM \"{table}\" WHERE consumer_group = $1\n\
                 ORDER BY handled_at DESC, event_id DESC LIMIT 1 OFFSET $2"
            ),
            prune_surplus: oldest("(handled_at, event_id) <= ($2, $3)", "$4"),
        }
    }
}
