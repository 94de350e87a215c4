//! The schemas of other versions that messages may have been written with.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::avro::{SchemaError, WriterSchema, versions};
use crate::private::SignalDescriptor;
use crate::registry::Registry;

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
    pub(crate) fn read(
        registry: &Registry,
        folder: Option<&Path>,
        given: Vec<(String, WriterSchema)>,
    ) -> Result<Self, SchemasError> {
        let mut writers: HashMap<_, Vec<_>> = HashMap::new();
        for (event_type, schema) in given {
            writers.entry(event_type).or_default().push(schema);
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
                writers.entry(descriptor.event_type().to_owned()).or_default().push(schema);
            }
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
