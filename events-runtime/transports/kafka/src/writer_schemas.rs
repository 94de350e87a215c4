//! Writers' schemas without a schema registry: the compacted topic `TOPIC.schemas`, which is created with the
//! first schema.
//!
//! A record's key is `TYPE:FINGERPRINT`, its value the text. Compaction keeps the last text of each key for ever.
//! Other programs may write to the topic: what this crate would not write is ignored, and only the offsets of
//! the schemas are kept in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::client::admin::{self as client, Call, Record, Session, TopicPartition};
use super::config::{Config, Creation};
use events_transport::{ErrorKind, SchemaId, Topic, TransportError};

/// The suffix of the topics of schemas. [`Transport::topics`](events_transport::Transport::topics) does not list
/// topics with such names.
const SUFFIX: &str = ".schemas";
/// The most schemas of a topic that are kept in mind. Far more than [`SchemaId::LISTED_MAX`].
const MAX_SCHEMAS: usize = 100_000;
/// The limit of a record: the longest text with its key, and room for the format.
pub(super) const MAX_RECORD_BYTES: usize = SchemaId::TEXT_MAX + SchemaId::EVENT_TYPE_MAX + 4096;

/// Whether a topic of this name has the schemas of another topic.
pub(super) fn holds_schemas(topic: &str) -> bool {
    topic.ends_with(SUFFIX)
}

/// The name of the topic of schemas of a topic, both in Kafka.
pub(super) fn schema_topic(topic: &str) -> String {
    format!("{topic}{SUFFIX}")
}

fn key(schema: &SchemaId) -> String {
    format!("{}:{}", schema.event_type(), schema.fingerprint_text())
}

fn parse(key: &[u8]) -> Option<SchemaId> {
    let (event_type, fingerprint) = std::str::from_utf8(key).ok()?.rsplit_once(':')?;
    SchemaId::from_text(event_type, fingerprint)
}

/// Where the schemas of each topic are, as far as they have been read.
#[derive(Debug, Clone, Default)]
pub(super) struct StoredSchemas {
    of_topics: Arc<Mutex<HashMap<String, Arc<Mutex<Index>>>>>,
}

/// The offsets of the schemas of one topic.
#[derive(Debug, Default)]
struct Index {
    /// The first offset that was not read.
    next: u64,
    offsets: BTreeMap<SchemaId, u64>,
}

impl StoredSchemas {
    /// Stores a schema, or replaces it. Nothing is written if it is stored with this text.
    pub(super) async fn store(
        &self,
        config: &Arc<Config>,
        topic: &Topic,
        schema: &SchemaId,
        text: &str,
    ) -> Result<(), TransportError> {
        const OPERATION: &str = "store a schema of";
        schema.check_text(topic, text)?;
        let (this, topic, schema, text) = (self.clone(), topic.clone(), schema.clone(), text.to_owned());
        client::run(config, Call::new(OPERATION, &topic), move |session| {
            let name = checked_name(session, &topic)?;
            match session.topic(&name)? {
                Some(_) => {
                    if this.text(session, &name, &schema)?.as_deref() == Some(text.as_bytes()) {
                        return Ok(());
                    }
                }
                None => create(session, &topic, &name)?,
            }
            session.store(&name, &key(&schema), &text, MAX_RECORD_BYTES)
        })
        .await
    }

    /// The text of a schema; `None` if there is none, or if another program has stored a value that this crate
    /// would not.
    pub(super) async fn read(
        &self,
        config: &Arc<Config>,
        topic: &Topic,
        schema: &SchemaId,
    ) -> Result<Option<String>, TransportError> {
        let (this, topic, schema) = (self.clone(), topic.clone(), schema.clone());
        client::run(config, Call::new("read a schema of", &topic), move |session| {
            let name = name(session, &topic);
            let Some(text) = this.text(session, &name, &schema)? else { return Ok(None) };
            let ignored = match text.len() {
                ..=SchemaId::TEXT_MAX => match String::from_utf8(text) {
                    Ok(text) => return Ok(Some(text)),
                    Err(_) => "the value is not UTF-8".to_owned(),
                },
                length => format!("the value has {length} bytes"),
            };
            tracing::warn!(%topic, %schema, name, "another program has overwritten a schema: {ignored}");
            Ok(None)
        })
        .await
    }

    /// The schemas of a topic, sorted.
    pub(super) async fn list(
        &self,
        config: &Arc<Config>,
        topic: &Topic,
    ) -> Result<Vec<SchemaId>, TransportError> {
        let (this, topic) = (self.clone(), topic.clone());
        client::run(config, Call::new("list the schemas of", &topic), move |session| {
            let index = this.index(&name(session, &topic));
            let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
            index.update(session, &name(session, &topic))?;
            Ok(index.offsets.keys().take(SchemaId::LISTED_MAX).cloned().collect())
        })
        .await
    }

    fn index(&self, name: &str) -> Arc<Mutex<Index>> {
        let mut topics = self.of_topics.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(topics.entry(name.to_owned()).or_default())
    }

    /// The value of a schema.
    fn text(
        &self,
        session: &mut Session,
        name: &str,
        schema: &SchemaId,
    ) -> Result<Option<Vec<u8>>, TransportError> {
        let index = self.index(name);
        let mut index = index.lock().unwrap_or_else(PoisonError::into_inner);
        index.update(session, name)?;
        let Some(offset) = index.offsets.get(schema).copied() else { return Ok(None) };
        let text = text_at(session, name, schema, offset)?;
        if text.is_some() {
            return Ok(text);
        }
        // The topic was recreated, or the record was replaced and compacted meanwhile.
        *index = Index::default();
        index.update(session, name)?;
        match index.offsets.get(schema) {
            Some(offset) => text_at(session, name, schema, *offset),
            None => Ok(None),
        }
    }
}

impl Index {
    /// Reads what was stored since the last call.
    fn update(&mut self, session: &mut Session, name: &str) -> Result<(), TransportError> {
        let Some(info) = session.topic(name)? else {
            *self = Self::default();
            return Ok(());
        };
        // This crate writes to a topic of one partition. Another program may have created it with more: a key is
        // in one of them, but their offsets can't be told apart.
        let partition: TopicPartition = (name.to_owned(), 0);
        if info.partitions.len() != 1 {
            let message = format!(
                "the topic `{name}` of its schemas has {} partitions: recreate it with 1, and with \
                 `cleanup.policy=compact`",
                info.partitions.len()
            );
            return Err(TransportError::new(
                ErrorKind::Corrupt,
                session.call().operation,
                &session.call().subject,
                message,
            ));
        }
        let range = session.ranges(std::slice::from_ref(&partition))?.remove(&partition).unwrap_or_default();
        if self.next > range.end {
            *self = Self::default();
        }
        let unread = self.next.max(range.start)..range.end;
        if !unread.is_empty() {
            session.read(&partition, unread, |record| self.add(&record))?;
            if self.offsets.len() > MAX_SCHEMAS {
                *self = Self::default();
                return Err(too_many(session, name));
            }
        }
        self.next = self.next.max(range.end);
        Ok(())
    }

    fn add(&mut self, record: &Record) -> ControlFlow<()> {
        if let Some(schema) = record.message.key.as_deref().and_then(parse) {
            if record.is_tombstone {
                self.offsets.remove(&schema);
            } else {
                self.offsets.insert(schema, record.offset);
            }
        }
        self.next = record.offset + 1;
        if self.offsets.len() > MAX_SCHEMAS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// The value of the record at an offset, if it is of this schema.
fn text_at(
    session: &mut Session,
    name: &str,
    schema: &SchemaId,
    offset: u64,
) -> Result<Option<Vec<u8>>, TransportError> {
    let mut found = None;
    session.read(&(name.to_owned(), 0), offset..offset + 1, |record| {
        if record.message.key.as_deref().and_then(parse).as_ref() == Some(schema) {
            found = (!record.is_tombstone).then(|| Vec::from(record.message.data));
        }
        ControlFlow::Break(())
    })?;
    Ok(found)
}

fn name(session: &Session, topic: &Topic) -> String {
    schema_topic(&session.config().namespace.kafka_topic(topic))
}

/// The name, if Kafka accepts it.
fn checked_name(session: &Session, topic: &Topic) -> Result<String, TransportError> {
    let name = name(session, topic);
    Topic::new(&*name).map(drop).map_err(|source| {
        let message = "the name of its topic of schemas is invalid: use a shorter name for the topic";
        TransportError::new(ErrorKind::Invalid, session.call().operation, topic, message).with_source(source)
    })?;
    Ok(name)
}

/// Creates the topic of schemas, if topics may be created.
fn create(session: &Session, topic: &Topic, name: &str) -> Result<(), TransportError> {
    let bytes = MAX_RECORD_BYTES.to_string();
    let settings = [("cleanup.policy", "compact"), ("max.message.bytes", &*bytes)];
    if let Some(creation) = session.config().creation {
        return session.create_topic(name, Creation { partitions: Some(1), ..creation }, &settings);
    }
    let message = format!(
        "there is no topic `{name}` for the schemas of its events: create it with 1 partition, \
         `cleanup.policy=compact` and `max.message.bytes={bytes}`, or set `create_topics=true`"
    );
    Err(TransportError::new(ErrorKind::NotFound, session.call().operation, topic, message))
}

fn too_many(session: &Session, name: &str) -> TransportError {
    let message = format!(
        "the topic `{name}` of its schemas has more than {MAX_SCHEMAS}: another program writes to it; recreate it"
    );
    TransportError::new(ErrorKind::Corrupt, session.call().operation, &session.call().subject, message)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use std::time::SystemTime;

    use super::*;
    use events_transport::Message;

    fn record(offset: u64, key: &[u8], value: Option<&'static [u8]>) -> Record {
        let message = Message::new(value.unwrap_or_default()).with_key(Bytes::copy_from_slice(key));
        Record { offset, time: SystemTime::UNIX_EPOCH, message, is_tombstone: value.is_none() }
    }

    #[test]
    fn a_schema_is_where_its_last_record_is() {
        let id = SchemaId::new("org.acme.orders.order.placed.v1", 7);
        let mut index = Index::default();
        for (offset, value, at) in [
            (3, Some(&b"first"[..]), Some(3)),
            (4, Some(&b"second"[..]), Some(4)),
            (6, None, None),
            (9, Some(&b"third"[..]), Some(9)),
        ] {
            assert!(index.add(&record(offset, key(&id).as_bytes(), value)).is_continue());
            assert_eq!(index.offsets.get(&id).copied(), at);
            assert_eq!(index.next, offset + 1);
        }
    }

    #[test]
    fn records_that_this_crate_would_not_write_are_ignored() {
        let mut index = Index::default();
        let long = format!("{}:0000000000000007", "x".repeat(SchemaId::EVENT_TYPE_MAX + 1));
        for key in [&b""[..], b"x", b"\xff:0000000000000007", b"x:7", b"x:0000000000000G", long.as_bytes()] {
            assert!(index.add(&record(0, key, Some(b"text"))).is_continue());
        }
        let mut without_key = record(7, b"", Some(b"text"));
        without_key.message.key = None;
        assert!(index.add(&without_key).is_continue());
        assert_eq!((index.offsets.len(), index.next), (0, 8));
    }

    #[test]
    fn the_memory_for_schemas_of_other_programs_is_bounded() {
        let mut index = Index::default();
        let mut records =
            (0..).map(|number| record(number, key(&SchemaId::new("a", number)).as_bytes(), Some(b"")));
        let read = records.by_ref().take_while(|record| index.add(record).is_continue()).count();
        assert_eq!(read, MAX_SCHEMAS);
    }

    #[test]
    fn a_topic_of_schemas_is_known_by_its_name() {
        assert!(holds_schemas(&schema_topic("orders")));
        assert!(!holds_schemas("orders") && !holds_schemas("orders.billing.dlq"));
    }
}
