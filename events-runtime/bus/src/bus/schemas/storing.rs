//! Stores the schemas of a topic queue beside its topic.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::written::WrittenSchema;
use crate::bus::destination::Destination;
use crate::bus::guarded::Guarded;
use crate::bus::observe::SCHEMAS_STORED;
use crate::config::KeyPath;
use crate::envelope::Envelope;
use events_core::internal::linked_descriptors;
use events_support::error_chain::caught;
use events_transport::{ErrorKind, KeySchema, Message, SchemaId, Topic, Transport, TransportError};

/// A busy sender stores its schemas again after this time, for a server that lost its data in a way that no
/// call noticed. Shorter than the time that consumers wait for a schema.
const STORE_AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);

/// Which schemas of a queue are stored.
#[derive(Debug, Default)]
pub(in crate::bus) struct Storing {
    /// The number of schemas, from the first, that are stored or refused.
    done: usize,
    /// The number of schemas that are logged as stored.
    logged: usize,
    refused: Vec<(SchemaId, TransportError)>,
    since: Option<Instant>,
}

impl Storing {
    /// Whether all of the first `count` schemas are stored, so that messages can be sent without a further look.
    pub(in crate::bus) fn is_complete(&self, count: usize) -> bool {
        self.done == count
            && self.refused.is_empty()
            && self.since.is_none_or(|since| since.elapsed() < STORE_AGAIN_AFTER)
    }

    /// The number of schemas that are stored or refused.
    pub(in crate::bus) fn done(&mut self) -> usize {
        if self.since.is_some_and(|since| since.elapsed() >= STORE_AGAIN_AFTER) {
            self.forget();
        }
        self.done
    }

    /// Forgets what is stored: the store failed, and may have lost it.
    pub(in crate::bus) fn forget(&mut self) {
        self.done = 0;
        self.since = None;
        self.refused.clear();
    }

    /// Records the result for the next schema. Returns the error if it is not the schema's own.
    pub(in crate::bus) fn stored(
        &mut self,
        to: &Destination,
        schema: WrittenSchema,
        result: Result<(), TransportError>,
    ) -> Result<(), TransportError> {
        let (topic, transport, id) = (&to.topic, to.transport.named(), &schema.id);
        match result {
            Ok(()) if schema.known.is_none() => {}
            Ok(()) if self.done >= self.logged => {
                self.logged = self.done + 1;
                metrics::counter!(SCHEMAS_STORED, to.labels()).increment(1);
                tracing::info!(%topic, transport, schema = %id, "the schema is stored beside the topic");
            }
            Ok(()) => tracing::debug!(%topic, transport, schema = %id, "the schema is stored again"),
            Err(error) if error.kind().is_of_message() => self.refused.push((schema.id, error)),
            Err(error) => return Err(error),
        }
        self.done += 1;
        self.since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// The error of a message whose schema can't be stored.
    pub(in crate::bus) fn refusal(&self, message: &Message) -> Option<&TransportError> {
        if self.refused.is_empty() {
            return None;
        }
        let (event_type, fingerprint) = Envelope::schema_of(message)?;
        let is_its = |id: &SchemaId| id.fingerprint() == fingerprint && id.event_type() == event_type;
        self.refused.iter().find(|(id, _)| is_its(id)).map(|(_, error)| error)
    }
}

/// Stores a schema. If this program does not know its text, checks whether the topic has it, and warns if not:
/// only a program that links the definition can store it. A panic of the transport counts as an error.
pub(in crate::bus) async fn store(
    transport: &dyn Transport,
    topic: &Topic,
    schema: &WrittenSchema,
) -> Result<(), TransportError> {
    let WrittenSchema { id, known } = schema;
    let panicked = |panic: String| {
        let message = format!("the transport panicked: {panic}");
        TransportError::new(ErrorKind::Other, "store a schema of", topic, message)
    };
    let Some(KnownSchema { text, key }) = known else {
        let found = caught(|| transport.schema(topic, id)).map_err(panicked)?;
        let found = Guarded::new(found).await.map_err(panicked)??;
        if found.is_none() {
            tracing::warn!(%topic, schema = %id, "sending messages whose schema is neither stored beside the topic nor linked into this program: consumers with another version can't read them until the program that wrote them has stored it");
        }
        return Ok(());
    };
    if let Some(key) = key {
        let stored = caught(|| transport.store_key_schema(topic, id, key)).map_err(panicked)?;
        Guarded::new(stored).await.map_err(panicked)??;
    }
    let stored = caught(|| transport.store_schema(topic, id, text)).map_err(panicked)?;
    Guarded::new(stored).await.map_err(panicked)?
}

/// What this program knows of a schema that it writes with.
#[derive(Debug, Clone)]
pub(in crate::bus) struct KnownSchema {
    pub(in crate::bus) text: &'static str,
    /// The schema of the keys; `None` for events without a key.
    pub(in crate::bus) key: Option<KeySchema>,
}

/// A schema, if it is that of a linked definition. The key is the definition's: a message of another bus does not
/// say which key its route had.
pub(in crate::bus) fn known(event_type: &str, fingerprint: u64) -> Option<KnownSchema> {
    let mut linked = linked_descriptors().filter(|descriptor| descriptor.event_type == event_type);
    let found = linked.find(|descriptor| (descriptor.fingerprint)() == fingerprint)?;
    Some(KnownSchema { text: (found.schema_json)(), key: KeyPath::of_definition(found) })
}

/// Stores the schemas of messages that are sent to their topic again, as far as this program knows their texts.
/// The topic has the others, if it ever had them. `stored` has those that are stored already.
pub(in crate::bus) async fn store_known(
    transport: &dyn Transport,
    topic: &Topic,
    messages: &[Message],
    stored: &mut HashSet<SchemaId>,
) -> Result<(), TransportError> {
    if !transport.capability().schemas {
        return Ok(());
    }
    for (event_type, fingerprint) in messages.iter().filter_map(Envelope::schema_of) {
        let id = SchemaId::new(event_type, fingerprint);
        if stored.contains(&id) {
            continue;
        }
        let known = known(event_type, fingerprint);
        if known.is_some() {
            store(transport, topic, &WrittenSchema { id: id.clone(), known }).await?;
        }
        stored.insert(id);
    }
    Ok(())
}
