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
    /// handled in the same transaction, 0 rows where it was handled before. Its time is the clock's, or
    /// one microsecond past the newest row's where that is later (not at `SERIALIZABLE`): rows stay in
    /// the order in which they came when the clock is set back.
    pub insert: String,
    /// Gives a row where an event was handled: `$1` the inbox's name, `$2` the id.
    pub contains: String,
    /// Tells whether a transaction may be committed: `$1` the inbox's name, `$2` the id that it inserted
    /// last. Run it right before `COMMIT`, and commit only where it gives one row that says `true`.
    ///
    /// `COMMIT` of a transaction in which a statement has failed is a `ROLLBACK`, and most drivers
    /// report it as a success. This statement fails there (25P02), and says `false` where the
    /// transaction is another one than that of the insert.
    pub intact: String,
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

/// A table's name as statements have it.
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
            // One statement makes all: `CREATE INDEX IF NOT EXISTS` would wait for every open
            // transaction that has inserted, whether the index is there or not.
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
            // Without a target, `ON CONFLICT` covers both unique constraints: two members that insert an
            // event in the same microsecond meet at the second one.
            // At `SERIALIZABLE`, reading the newest row would be a conflict with every other member.
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
            // At `SERIALIZABLE`, reading the row would be a conflict with members that insert beside it.
            intact: format!(
                "SELECT CASE current_setting('transaction_isolation')\n    \
                 WHEN 'serializable' THEN txid_current_if_assigned() IS NOT NULL\n    \
                 ELSE EXISTS (SELECT 1 FROM {table} WHERE consumer_group = $1 AND event_id = $2)\n\
                 END"
            ),
            // `clock_timestamp()` would read every row: it changes within a statement.
            prune: oldest("handled_at < statement_timestamp() - $2 * interval '1 millisecond'", "$3"),
            surplus: format!(
                "SELECT handled_at, event_id FROM {table} WHERE consumer_group = $1\n\
                 ORDER BY handled_at DESC, event_id DESC LIMIT 1 OFFSET $2"
            ),
            prune_surplus: oldest("(handled_at, event_id) <= ($2, $3)", "$4"),
        }
    }
}
