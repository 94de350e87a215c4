//! Writers' schemas, beside the topics.
//!
//! The table is created on first use. Earlier versions ignore it. It has names of topics, not their row IDs,
//! since a schema is stored before the first message creates the topic.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::connection::Database;
use super::error::TxnError;
use super::schema::table_exists;
use super::txn::Txn;
use events_transport::{BoxFuture, SchemaId, Topic, TransportError};

const TABLE: &str = "
CREATE TABLE IF NOT EXISTS schemas(
    topic TEXT NOT NULL,
    event_type TEXT NOT NULL,
    -- 16 hexadecimal digits, since SQLite's integers are signed
    fingerprint TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY(topic, event_type, fingerprint)
) STRICT";

/// Stores a schema, or replaces it. Needs no transaction if it is stored already.
pub(super) fn store(
    database: &Database,
    topic: &Topic,
    schema: &SchemaId,
    text: &str,
) -> BoxFuture<'static, Result<(), TransportError>> {
    if let Err(error) = schema.check_text(topic, text) {
        return Box::pin(std::future::ready(Err(error)));
    }
    let stored = Arc::new((topic.clone(), schema.clone(), text.to_owned()));
    let new = stored.clone();
    database.submit(
        "store a schema in",
        None,
        true,
        move |conn| {
            let (topic, schema, text) = &*stored;
            Ok((find(conn, topic, schema)?.as_ref() == Some(text)).then_some(()))
        },
        move |txn| {
            let (topic, schema, text) = &*new;
            txn.store_schema(topic, schema, text)
        },
        |()| (),
    )
}

impl Txn<'_> {
    fn store_schema(&self, topic: &Topic, schema: &SchemaId, text: &str) -> Result<(), TxnError> {
        if !exists(self.conn)? {
            self.conn.execute_batch(TABLE)?;
        }
        self.conn
            .prepare_cached(
                "INSERT INTO schemas(topic, event_type, fingerprint, text) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET text = excluded.text",
            )?
            .execute(params![topic.as_str(), schema.event_type(), schema.fingerprint_text(), text])?;
        Ok(())
    }
}

/// The text of a schema; `None` if there is none, or if another program has written a value that this crate
/// would not. Its length is checked before it is read.
pub(super) fn find(conn: &Connection, topic: &Topic, schema: &SchemaId) -> Result<Option<String>, TxnError> {
    if !exists(conn)? {
        return Ok(None);
    }
    let max = SchemaId::TEXT_MAX;
    let found: Option<Option<Vec<u8>>> = conn
        .prepare_cached(&format!(
            "SELECT CASE WHEN typeof(text) = 'text' AND octet_length(text) <= {max} THEN CAST(text AS BLOB) END
             FROM schemas WHERE topic = ?1 AND event_type = ?2 AND fingerprint = ?3"
        ))?
        .query_row([topic.as_str(), schema.event_type(), &schema.fingerprint_text()], |row| row.get(0))
        .optional()?;
    let is_stored = found.is_some();
    let text = found.flatten().and_then(|text| String::from_utf8(text).ok());
    if is_stored && text.is_none() {
        tracing::warn!(
            %topic, %schema,
            "another program has stored a schema in a SQLite file that is not UTF-8 or exceeds {max} bytes: ignored"
        );
    }
    Ok(text)
}

/// The schemas of a topic, sorted. Rows that this crate would not write are skipped.
pub(super) fn list(conn: &Connection, topic: &Topic) -> Result<Vec<SchemaId>, TxnError> {
    if !exists(conn)? {
        return Ok(Vec::new());
    }
    let (longest, most) = (SchemaId::EVENT_TYPE_MAX, SchemaId::LISTED_MAX);
    let mut statement = conn.prepare_cached(&format!(
        "SELECT event_type, fingerprint FROM schemas
         WHERE topic = ?1 AND typeof(event_type) = 'text' AND octet_length(event_type) <= {longest}
             AND typeof(fingerprint) = 'text' AND octet_length(fingerprint) = 16
         ORDER BY event_type, fingerprint LIMIT {most}"
    ))?;
    let mut rows = statement.query([topic.as_str()])?;
    let mut schemas = Vec::new();
    while let Some(row) = rows.next()? {
        // An error is text that is not UTF-8.
        if let (Ok(event_type), Ok(fingerprint)) = (row.get_ref(0)?.as_str(), row.get_ref(1)?.as_str()) {
            schemas.extend(SchemaId::from_text(event_type, fingerprint));
        }
    }
    Ok(schemas)
}

fn exists(conn: &Connection) -> rusqlite::Result<bool> {
    table_exists(conn, "schemas")
}
