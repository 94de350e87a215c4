//! The SQL statements of the inbox.

/// The SQL statements of a [`PostgresInbox`](super::PostgresInbox), for programs that access their database
/// with another crate, such as sqlx or diesel. They share the table with programs that use this one.
///
/// A name is `text`, an id `uuid`, a time a `timestamptz` of the server's clock. The user needs `SELECT`,
/// `INSERT`, `UPDATE` (to lock rows) and `DELETE`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresStatements {
    /// Creates the table if it does not exist: two statements, as one batch. The first one is a lock, so
    /// that processes that start at the same time create it one after the other.
    pub create: String,
    /// Inserts: `$1` the inbox's name, `$2` the id. Changes 1 row if the event is new and must be handled
    /// in the same transaction, 0 rows if it was handled before. The row's time is the clock's, or one
    /// microsecond after the newest row's if that is later (not at `SERIALIZABLE`), so that rows stay in
    /// insertion order when the clock is set back.
    pub insert: String,
    /// Returns a row if an event was handled: `$1` the inbox's name, `$2` the id.
    pub contains: String,
    /// Checks whether a transaction may be committed: `$1` the inbox's name, `$2` the id inserted last. Run
    /// it right before `COMMIT`, and commit only if it returns one row with `true`.
    ///
    /// After a failed statement, `COMMIT` acts as `ROLLBACK`, and most drivers report success. This
    /// statement fails in that case (25P02), and returns `false` in another transaction than that of the
    /// insert.
    pub intact: String,
    /// Deletes rows that are too old, oldest first: `$1` the inbox's name, `$2` the age in milliseconds
    /// (`int8`), `$3` the maximum number (`int8`). Rows locked by another transaction are skipped.
    pub prune: String,
    /// Returns the time and id of the newest surplus row: `$1` the inbox's name, `$2` the number of rows to
    /// keep (`int8`). Reads as many index entries as rows are kept.
    pub surplus: String,
    /// Deletes rows up to one that `surplus` returned, oldest first: `$1` the inbox's name, `$2` and `$3`
    /// that row's time and id, `$4` the maximum number (`int8`).
    pub prune_surplus: String,
}

/// The qualified and quoted name of a table.
pub(super) fn qualified(schema: Option<&str>, table: &str) -> String {
    match schema {
        Some(schema) => format!("\"{schema}\".\"{table}\""),
        None => format!("\"{table}\""),
    }
}

impl PostgresStatements {
    pub(super) fn of(schema: Option<&str>, table: &str) -> Self {
        let lock = schema.map_or_else(|| table.to_owned(), |schema| format!("{schema}.{table}"));
        let table = &qualified(schema, table);
        let oldest = |condition: &str, limit: &str| {
            format!(
                "DELETE FROM {table} WHERE (consumer_group, event_id) IN (\n    \
                 SELECT consumer_group, event_id FROM {table}\n    \
                 WHERE consumer_group = $1 AND {condition}\n    \
                 ORDER BY handled_at, event_id LIMIT {limit} FOR UPDATE SKIP LOCKED\n)"
            )
        };
        Self {
            // A single statement creates everything: `CREATE INDEX IF NOT EXISTS` would wait for every open
            // transaction that has inserted, even if the index exists.
            create: format!(
                "SELECT pg_advisory_xact_lock(hashtextextended('events_runtime inbox {lock}', 0));\n\
                 CREATE TABLE IF NOT EXISTS {table} (\n    \
                 consumer_group text NOT NULL,\n    \
                 event_id uuid NOT NULL,\n    \
                 handled_at timestamptz NOT NULL DEFAULT clock_timestamp(),\n    \
                 PRIMARY KEY (consumer_group, event_id),\n    \
                 UNIQUE (consumer_group, handled_at, event_id)\n\
                 )"
            ),
            // Without a conflict target, `ON CONFLICT` covers both unique constraints: inserts of an event
            // by two members in the same microsecond violate the second one. At `SERIALIZABLE`, reading the
            // newest row would conflict with every other member.
            insert: format!(
                "INSERT INTO {table} (consumer_group, event_id, handled_at)\n\
                 SELECT $1::text, $2::uuid, CASE current_setting('transaction_isolation')\n    \
                 WHEN 'serializable' THEN clock_timestamp()\n    \
                 ELSE greatest(clock_timestamp(), (\n        \
                 SELECT handled_at FROM {table} WHERE consumer_group = $1::text\n        \
                 ORDER BY handled_at DESC LIMIT 1\n    \
                 ) + interval '1 microsecond') END\n\
                 ON CONFLICT DO NOTHING"
            ),
            contains: format!("SELECT 1 FROM {table} WHERE consumer_group = $1 AND event_id = $2"),
            // At `SERIALIZABLE`, reading the row would conflict with members that insert next to it.
            intact: format!(
                "SELECT CASE current_setting('transaction_isolation')\n    \
                 WHEN 'serializable' THEN txid_current_if_assigned() IS NOT NULL\n    \
                 ELSE EXISTS (SELECT 1 FROM {table} WHERE consumer_group = $1 AND event_id = $2)\n\
                 END"
            ),
            // `clock_timestamp()` changes within a statement, so it would read every row.
            prune: oldest("handled_at < statement_timestamp() - $2 * interval '1 millisecond'", "$3"),
            surplus: format!(
                "SELECT handled_at, event_id FROM {table} WHERE consumer_group = $1\n\
                 ORDER BY handled_at DESC, event_id DESC LIMIT 1 OFFSET $2"
            ),
            prune_surplus: oldest("(handled_at, event_id) <= ($2, $3)", "$4"),
        }
    }
}
