//! `schema list --bus`.

use serde_json::{Value, json};

use super::{Store, is_comparable, verified};
use crate::args::OnBus;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use events_bus::bus::Writers;
use events_core::registry::{Descriptor, Registry};
use events_schema::compat::reads;
use events_schema::view::View;
use events_transport::{SchemaId, Topic};

/// The maximum number of named types in a schema that is compared with a definition.
const MAX_TYPES: usize = 200;

/// What this program knows of a stored schema.
enum Known {
    Definition,
    Published(u32),
    /// A file of `bus.consumer.schemas`.
    File,
    /// Another version of a linked event type.
    Unknown,
    /// The event type is not linked.
    Foreign,
}

impl Known {
    fn of(schema: &SchemaId, descriptor: Option<Descriptor>, writers: &Writers) -> Self {
        let Some(descriptor) = descriptor else { return Self::Foreign };
        let fingerprint = schema.fingerprint();
        let mut published = descriptor.published().iter();
        if fingerprint == descriptor.fingerprint() {
            Self::Definition
        } else if let Some(version) = published.find(|version| version.fingerprint == fingerprint) {
            Self::Published(version.minor_version)
        } else if writers.find(descriptor.get(), fingerprint).is_some() {
            Self::File
        } else {
            Self::Unknown
        }
    }

    fn label(&self) -> &'static str {
        match self {
            Self::Definition => "definition",
            Self::Published(_) => "locked",
            Self::File => "file",
            Self::Unknown => "unknown",
            Self::Foreign => "not linked",
        }
    }
}

/// Whether readers of one schema read events of the other.
struct Compatibility {
    /// The linked definition reads events of the stored schema.
    reads: bool,
    /// A reader with the stored schema reads events of the linked definition.
    is_read: bool,
}

/// A stored schema.
struct Row {
    topic: Topic,
    schema: SchemaId,
    known: Known,
    /// The minor version of the linked definition or of the locked version.
    minor: Option<u32>,
    /// `None` without a linked definition, and for a schema that is too large to compare.
    compatibility: Result<Option<Compatibility>, String>,
}

/// Prints the schemas that are stored beside topics.
pub(crate) async fn list(context: &Context, args: &OnBus) -> Result<(), Failure> {
    let config = context.config()?;
    let registry = Registry::linked()?;
    let writers = Writers::read(registry, config.bus().consumer.schemas.as_deref(), Vec::new())?;
    let store = Store::open(&config, args).await?;
    let mut rows = Vec::new();
    for topic in &store.topics {
        for schema in store.schemas(topic).await? {
            let text = store.text(topic, &schema).await?;
            let descriptor = registry.get(schema.event_type());
            let known = Known::of(&schema, descriptor, &writers);
            let minor = match known {
                Known::Definition => descriptor.map(|own| own.minor_version()),
                Known::Published(minor) => Some(minor),
                _ => None,
            };
            let compatibility = compatibility(&schema, text.as_deref(), descriptor);
            rows.push(Row { topic: store.base(topic), schema, known, minor, compatibility });
        }
    }
    if context.json() {
        return Ok(output::json_pretty(&rows.iter().map(Row::json).collect::<Value>())?);
    }
    if rows.is_empty() {
        output::eprint(store.describe_empty());
        return Ok(());
    }
    let head = ["TOPIC", "EVENT TYPE", "FINGERPRINT", "KNOWN AS", "READ HERE", "READS OURS", "TEXT"];
    let rows = rows.iter().map(Row::cells);
    Ok(output::table(&std::iter::once(head.map(str::to_owned)).chain(rows).collect::<Vec<_>>())?)
}

fn compatibility(
    schema: &SchemaId,
    text: Option<&str>,
    descriptor: Option<Descriptor>,
) -> Result<Option<Compatibility>, String> {
    let stored = verified(schema, text, descriptor)?;
    let descriptor = descriptor.filter(|_| is_comparable(&stored, MAX_TYPES));
    let stored = View::packed(&stored.bytes);
    Ok(descriptor.map(|descriptor| {
        let own = View::tree(descriptor.schema());
        Compatibility { reads: reads(own, stored), is_read: reads(stored, own) }
    }))
}

impl Row {
    fn json(&self) -> Value {
        let compatibility = self.compatibility.as_ref().ok().and_then(Option::as_ref);
        json!({
            "topic": self.topic.as_str(),
            "event_type": self.schema.event_type(),
            "fingerprint": format!("{:016x}", self.schema.fingerprint()),
            "known_as": self.known.label(),
            "minor_version": self.minor,
            "read_here": compatibility.map(|found| found.reads),
            "reads_ours": compatibility.map(|found| found.is_read),
            "verified": self.compatibility.is_ok(),
            "problem": self.compatibility.as_ref().err(),
        })
    }

    fn cells(&self) -> [String; 7] {
        let compatibility = self.compatibility.as_ref().ok().and_then(Option::as_ref);
        let answer = |answer: Option<bool>| answer.map_or("-", |answer| if answer { "yes" } else { "no" });
        let label = self.known.label();
        [
            self.topic.to_string(),
            self.schema.event_type().to_owned(),
            format!("{:016x}", self.schema.fingerprint()),
            self.minor.map_or_else(|| label.to_owned(), |minor| format!("{label}, version {minor}")),
            answer(compatibility.map(|found| found.reads)).to_owned(),
            answer(compatibility.map(|found| found.is_read)).to_owned(),
            self.compatibility.as_ref().err().cloned().unwrap_or_else(|| "verified".to_owned()),
        ]
    }
}
