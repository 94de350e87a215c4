//! The schemas of other versions that messages may have been written with.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::avro::{SchemaError, WriterSchema};
use crate::private::SignalDescriptor;
use crate::registry::Registry;
use events_schema::versions;

/// The schemas that the program and its operator have added to what the definitions know of
/// themselves. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writers(Arc<HashMap<String, Vec<WriterSchema>>>);

/// Why the schemas of `bus.consumer.schemas` can't be used: the file or folder, and what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("`bus.consumer.schemas`: {}", .path.display())]
pub struct SchemasError {
    path: PathBuf,
    #[source]
    reason: Reason,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("the name is no minor version: write `<event_type>/<minor>.avsc`, such as `3.avsc`")]
    Name,
}

/// Two schemas of an event type whose data no message tells apart, though they mean different things.
///
/// A fingerprint leaves out logical types: that of a time in milliseconds is that of one in
/// microseconds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{event_type}`: the schema from {added} has the fingerprint {fingerprint:016x} of {known}, and other logical types, which no fingerprint tells apart: take that schema away, and let what writes by it have an event type of its own, or fields of other names"
)]
pub struct AmbiguousSchema {
    event_type: String,
    added: String,
    known: String,
    fingerprint: u64,
}

impl AmbiguousSchema {
    /// The event type.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// The fingerprint of both.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

/// Why there are no schemas to look messages' up in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WritersError {
    #[error(transparent)]
    Schemas(#[from] SchemasError),
    #[error(transparent)]
    Ambiguous(#[from] AmbiguousSchema),
}

/// Where a schema was found.
#[derive(Debug)]
enum Source {
    Definition { file: &'static str, line: u32 },
    Published(u32),
    Builder,
    File(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Definition { file, line } => write!(f, "the definition at {file}:{line}"),
            Self::Published(minor) => write!(f, "the definition's published version {minor}"),
            Self::Builder => f.write_str("`EventBus::builder().writer_schema(…)`"),
            Self::File(path) => write!(f, "`{}`", path.display()),
        }
    }
}

impl SchemasError {
    /// The file or folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Writers {
    /// The schemas in a folder, `<folder>/<event_type>/<minor>.avsc`, beside those that the program
    /// gave. Folders of event types that are not in the registry, and other files, are left alone.
    ///
    /// # Errors
    /// A file that can't be used, and a schema that has the fingerprint of another without being
    /// read as that is.
    pub(crate) fn read(
        registry: &Registry,
        folder: Option<&Path>,
        given: Vec<(String, WriterSchema)>,
    ) -> Result<Self, WritersError> {
        let mut added: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (event_type, schema) in given {
            added.entry(event_type).or_default().push((schema, Source::Builder));
        }
        let folders = folder.map(list).transpose()?.unwrap_or_default();
        for folder in folders.iter().filter(|path| path.is_dir()) {
            let event_type = folder.file_name().and_then(OsStr::to_str);
            let Some(descriptor) = event_type.and_then(|event_type| registry.get(event_type)) else {
                continue;
            };
            let files = list(folder)?;
            for file in files.iter().filter(|file| file.extension() == Some(OsStr::new("avsc"))) {
                let schema = schema(file).map_err(|reason| SchemasError { path: file.clone(), reason })?;
                let of_event = added.entry(descriptor.event_type().to_owned()).or_default();
                of_event.push((schema, Source::File(file.clone())));
            }
        }
        let mut writers = HashMap::with_capacity(added.len());
        for (event_type, added) in added {
            if let Some(descriptor) = registry.get(&event_type) {
                check(descriptor.get(), &added)?;
            }
            writers.insert(event_type, added.into_iter().map(|(schema, _)| schema).collect());
        }
        Ok(Self(Arc::new(writers)))
    }

    /// The schema of this fingerprint, among those that are known for an event.
    pub(crate) fn find(&self, descriptor: &SignalDescriptor, fingerprint: u64) -> Option<WriterSchema> {
        let published = descriptor.published.iter().find(|version| version.fingerprint == fingerprint);
        if let Some(published) = published {
            return Some(WriterSchema::of(published));
        }
        let added = self.0.get(descriptor.event_type)?;
        added.iter().find(|schema| schema.fingerprint() == fingerprint).cloned()
    }
}

/// Each fingerprint is of one schema, or of several that are read alike.
fn check(descriptor: &SignalDescriptor, added: &[(WriterSchema, Source)]) -> Result<(), AmbiguousSchema> {
    let own = (descriptor.fingerprint)();
    for (index, (schema, source)) in added.iter().enumerate() {
        let fingerprint = schema.fingerprint();
        let ambiguous = |known: &Source| AmbiguousSchema {
            event_type: descriptor.event_type.to_owned(),
            added: source.to_string(),
            known: known.to_string(),
            fingerprint,
        };
        if fingerprint == own && !schema.is_read_as(descriptor.schema) {
            return Err(ambiguous(&Source::Definition { file: descriptor.file, line: descriptor.line }));
        }
        let is_other = |known: &WriterSchema| {
            known.fingerprint() == fingerprint && !schema.is_read_like(known, descriptor.schema)
        };
        let mut published = descriptor.published.iter();
        if let Some(published) = published.find(|published| is_other(&WriterSchema::of(published))) {
            return Err(ambiguous(&Source::Published(published.minor_version)));
        }
        let before = added.get(..index).unwrap_or_default();
        if let Some((_, known)) = before.iter().find(|(known, _)| is_other(known)) {
            return Err(ambiguous(known));
        }
    }
    Ok(())
}

/// What is in a folder, in the order of its names.
fn list(folder: &Path) -> Result<Vec<PathBuf>, SchemasError> {
    let entries = folder.read_dir().and_then(|entries| {
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        paths.collect::<Result<Vec<_>, _>>()
    });
    let mut paths =
        entries.map_err(|error| SchemasError { path: folder.to_owned(), reason: error.into() })?;
    paths.sort();
    Ok(paths)
}

fn schema(file: &Path) -> Result<WriterSchema, Reason> {
    versions::minor(file).ok_or(Reason::Name)?;
    Ok(WriterSchema::parse(&std::fs::read_to_string(file)?)?)
}
