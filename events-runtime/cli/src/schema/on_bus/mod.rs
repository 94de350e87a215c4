//! `schema list --bus` and `schema pull --bus`: the schemas that producers stored beside their topics.
//!
//! ```text
//! Store      the topics of a transport, and the schemas that are stored beside each
//! verified   the text of a stored schema ▶ its schema, if the text is what its id says
//!   list     prints what is stored, what is known here, and who reads whom
//!   pull     writes it as published versions, schemas/TYPE/MINOR.avsc
//! ```
//!
//! Other programs write to the store. Nothing of it reaches a terminal unescaped, and no name of it becomes a path
//! unchecked.

mod list;
mod pull;

pub(crate) use list::list;
pub(crate) use pull::pull;

use crate::args::OnBus;
use crate::context::{connect, full_topic};
use crate::failure::Failure;
use events_bus::config::Config;
use events_core::avro::{WriterSchema, fingerprint};
use events_core::registry::Descriptor;
use events_schema::parse::{PackedSchema, pack};
use events_schema::view::{Shape, View};
use events_transport::{SchemaId, Topic, TopicPrefix, Transport};

/// The longest canonical form that is compared with others.
const MAX_COMPARED: usize = 64 << 10;

/// The stored schemas of some topics.
struct Store {
    transport: Box<dyn Transport>,
    prefix: Option<TopicPrefix>,
    /// Full names.
    topics: Vec<Topic>,
    event_type: Option<String>,
}

impl Store {
    /// Opens the transport, and selects the given topic or every topic with the configured prefix.
    async fn open(config: &Config, args: &OnBus) -> Result<Self, Failure> {
        let transport = connect(config, &args.transport)?;
        if !transport.capability().schemas {
            return Err(Failure::failed(format!("the transport of {} stores no schemas", transport.url())));
        }
        let prefix = config.service().topic_prefix.clone();
        let topics = if let Some(name) = &args.topic {
            vec![full_topic(config, name)?]
        } else {
            let all = transport.topics().await?.into_iter().map(|status| status.topic);
            all.filter(|topic| topic.without_prefix(prefix.as_ref()).is_some()).collect()
        };
        Ok(Self { transport, prefix, topics, event_type: args.event_type.clone() })
    }

    /// The selected schemas beside a topic.
    async fn schemas(&self, topic: &Topic) -> Result<Vec<SchemaId>, Failure> {
        let mut schemas = self.transport.schemas(topic).await?;
        if let Some(only) = &self.event_type {
            schemas.retain(|schema| schema.event_type() == only);
        }
        Ok(schemas)
    }

    async fn text(&self, topic: &Topic, schema: &SchemaId) -> Result<Option<String>, Failure> {
        Ok(self.transport.schema(topic, schema).await?)
    }

    /// The fingerprints of an event type's schemas in the order of a schema registry; empty without one.
    async fn registered(&self, event_type: &str) -> Result<Vec<u64>, Failure> {
        let mut fingerprints = Vec::new();
        let Some(registry) = self.transport.subjects() else { return Ok(fingerprints) };
        for topic in &self.topics {
            for subject in registry.of_type(topic, event_type).await? {
                for version in registry.versions(&subject).await? {
                    fingerprints.extend(pack(&version.text).map(|schema| fingerprint(&schema.canonical)));
                }
            }
        }
        Ok(fingerprints)
    }

    /// A topic's name without the configured prefix.
    fn base(&self, topic: &Topic) -> Topic {
        topic.without_prefix(self.prefix.as_ref()).unwrap_or_else(|| topic.clone())
    }

    /// Says that nothing was selected.
    fn describe_empty(&self) -> String {
        let what = match &self.event_type {
            Some(event_type) => format!("no schema of `{event_type}` is stored"),
            None => "no schemas are stored".to_owned(),
        };
        match self.topics.as_slice() {
            [only] => format!("{what} beside topic `{}` in {}", self.base(only), self.transport.url()),
            _ => format!("{what} in {}", self.transport.url()),
        }
    }
}

/// Whether comparing a schema with another one takes a bounded time, whatever another program has stored. The comparison
/// is made for definitions: it remembers pairs of types, but only so many.
fn is_comparable(schema: &PackedSchema, max_types: usize) -> bool {
    let named = ["\"record\"", "\"enum\"", "\"fixed\""];
    let types: usize = named.iter().map(|kind| schema.canonical.matches(kind).count()).sum();
    types <= max_types && schema.canonical.len() <= MAX_COMPARED
}

/// The schema of a stored text, if it is what its id says. Consumers verify the same.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn verified(
    id: &SchemaId,
    text: Option<&str>,
    descriptor: Option<Descriptor>,
) -> Result<PackedSchema, String> {
    let text = text.ok_or_else(|| {
        format!("the text is missing, longer than {} bytes or not UTF-8", SchemaId::TEXT_MAX)
    })?;
    let schema = pack(text).map_err(|error| format!("the text is not an Avro schema: {error}"))?;
    let found = fingerprint(&schema.canonical);
    if found != id.fingerprint() {
        return Err(format!("the text has the fingerprint {found:016x}"));
    }
    if !matches!(View::packed(&schema.bytes).shape(), Shape::Record(_)) {
        return Err("the text is not the schema of a record, as that of an event must be".to_owned());
    }
    if let Some(descriptor) = descriptor
        && !WriterSchema::parse(text).is_ok_and(|schema| schema.is_named_as(descriptor.schema()))
    {
        return Err(format!("the text is not a record with the name of `{}`", descriptor.rust_type()));
    }
    Ok(schema)
}
