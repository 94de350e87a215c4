//! Writers' schemas: a hash per topic, in the hash slot of its stream. Open edX's programs never read it.
//!
//! A field is `TYPE:FINGERPRINT`, its value the text. Other programs may write to the server: lengths are
//! checked there before anything is read, and what this crate would not write is ignored.

use std::sync::LazyLock;

use ::redis::{RedisError, RedisResult, Script, Value};

use super::connection::{Connection, Request};
use super::error;
use events_transport::{ErrorKind, SchemaId, Topic, TransportError};

/// The most fields that are listed: a script blocks the server while it reads them. Far more than
/// [`SchemaId::LISTED_MAX`], so that fields of other programs hide no schema.
const MAX_FIELDS: u64 = 100_000;
/// An event type, a colon, and the digits of a fingerprint.
const MAX_FIELD_BYTES: usize = SchemaId::EVENT_TYPE_MAX + 1 + 16;

static READ: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/read_schema.lua")));
static LIST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/list_schemas.lua")));

fn key(topic: &Topic) -> String {
    format!("{{{topic}}}::schemas")
}

fn field(schema: &SchemaId) -> String {
    format!("{}:{}", schema.event_type(), schema.fingerprint_text())
}

fn parse(field: &[u8]) -> Option<SchemaId> {
    let (event_type, fingerprint) = std::str::from_utf8(field).ok()?.rsplit_once(':')?;
    SchemaId::from_text(event_type, fingerprint)
}

/// Stores a schema, or replaces it.
pub(super) async fn store(
    connection: &Connection,
    topic: &Topic,
    schema: &SchemaId,
    text: &str,
) -> Result<(), TransportError> {
    const OPERATION: &str = "store a schema of";
    schema.check_text(topic, text)?;
    let mut set = ::redis::cmd("HSET");
    set.arg(key(topic)).arg(field(schema)).arg(text);
    let stored: RedisResult<u64> = connection.query(Request::Command(&set)).await;
    stored.map(drop).map_err(|error| convert(error, OPERATION, topic))
}

/// The text of a schema; `None` if there is none, or if another program has stored a value that this crate
/// would not.
pub(super) async fn read(
    connection: &Connection,
    topic: &Topic,
    schema: &SchemaId,
) -> Result<Option<String>, TransportError> {
    let mut call = READ.prepare_invoke();
    call.key(key(topic)).arg(field(schema)).arg(SchemaId::TEXT_MAX);
    let ignored = match connection.query(Request::Script(&call)).await {
        Ok(Value::BulkString(text)) => match String::from_utf8(text) {
            Ok(text) => return Ok(Some(text)),
            Err(_) => "the value is not UTF-8".to_owned(),
        },
        Ok(Value::Int(length)) => format!("the value has {length} bytes"),
        Ok(_) => return Ok(None),
        Err(error) if is_wrong_type(&error) => "the key is not a hash".to_owned(),
        Err(error) => return Err(convert(error, "read a schema of", topic)),
    };
    tracing::warn!(%topic, %schema, key = key(topic), "another program has overwritten a schema: {ignored}");
    Ok(None)
}

/// The schemas of a topic, sorted. Fields that this crate would not write are skipped.
pub(super) async fn list(connection: &Connection, topic: &Topic) -> Result<Vec<SchemaId>, TransportError> {
    const OPERATION: &str = "list the schemas of";
    let mut call = LIST.prepare_invoke();
    call.key(key(topic)).arg(MAX_FIELDS).arg(MAX_FIELD_BYTES);
    let fields = match connection.query(Request::Script(&call)).await {
        Ok(Value::Array(fields)) => fields,
        Ok(Value::Int(count)) => {
            let message = format!(
                "the hash `{}` has {count} fields, of which at most {MAX_FIELDS} can be listed: another program \
                 writes to it; remove its fields",
                key(topic)
            );
            return Err(TransportError::new(ErrorKind::Corrupt, OPERATION, topic, message));
        }
        Ok(_) => Vec::new(),
        Err(error) => return Err(convert(error, OPERATION, topic)),
    };
    let mut schemas: Vec<SchemaId> = fields
        .iter()
        .filter_map(|field| match field {
            Value::BulkString(field) => parse(field),
            _ => None,
        })
        .collect();
    schemas.sort();
    schemas.truncate(SchemaId::LISTED_MAX);
    Ok(schemas)
}

fn is_wrong_type(error: &RedisError) -> bool {
    error::code(error) == "WRONGTYPE"
}

fn convert(error: RedisError, operation: &'static str, topic: &Topic) -> TransportError {
    if !is_wrong_type(&error) {
        return error::convert(error, operation, topic);
    }
    let message = format!(
        "the key `{}` is not a hash, so another program has written it: remove the key, or use another topic, \
         prefix or database",
        key(topic)
    );
    TransportError::new(ErrorKind::Corrupt, operation, topic, message).with_source(error)
}
