//! The schemas of other versions with which messages may have been written.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use events_core::avro::{SchemaError, WriterSchema};
use events_core::internal::SignalDescriptor;
use events_core::registry::Registry;
use events_schema::versions;

/// Writer schemas added by the program and the operator to those that the definitions published. Cheap to
/// clone.
#[derive(Debug, Clone, Default)]
pub struct Writers(Arc<HashMap<String, Vec<WriterSchema>>>);

/// A file or folder of `bus.consumer.schemas` that can't be used, and the reason.
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
    #[error("the file name is not a minor version: use `<event_type>/<minor>.avsc`, such as `3.avsc`")]
    Name,
}

/// Two schemas of an event type with different meanings and the same fingerprint. A message does not say
/// which of them wrote it.
///
/// A fingerprint does not cover logical types: times in milliseconds and in microseconds have the same one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{event_type}`: the schema from {added} has the same fingerprint {fingerprint:016x} as {known}, but other logical types, which fingerprints do not cover: remove that schema, and give its events another event type or other field names"
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

    /// The fingerprint of both schemas.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

/// The reason why the writer schemas can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum WritersError {
    #[error(transparent)]
    Schemas(#[from] SchemasError),
    #[error(transparent)]
    Ambiguous(#[from] AmbiguousSchema),
}

/// The origin of a schema.
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
    /// Loads the schemas of a folder, `<folder>/<event_type>/<minor>.avsc`, in addition to the given ones.
    /// Ignores folders of event types that are not in the registry, and other files.
    ///
    /// # Errors
    /// An unusable file, and a schema with the fingerprint of another schema of different meaning.
    #[doc(hidden)]
    pub fn read(
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

    /// The schema with this fingerprint, among those known for an event.
    #[doc(hidden)]
    pub fn find(&self, descriptor: &SignalDescriptor, fingerprint: u64) -> Option<WriterSchema> {
        let published = descriptor.published.iter().find(|version| version.fingerprint == fingerprint);
        if let Some(published) = published {
            return Some(WriterSchema::of(published));
        }
        let added = self.0.get(descriptor.event_type)?;
        added.iter().find(|schema| schema.fingerprint() == fingerprint).cloned()
    }
}

/// Checks that schemas with the same fingerprint also have the same meaning.
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

/// The entries of a folder, sorted by name.
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

#[cfg(test)]
mod tests;
