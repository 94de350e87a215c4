//! The published versions of an event: `schemas/<event_type>/<minor>.avsc` of its crate.

use std::fs;
use std::path::{Component, Path, PathBuf};

use syn::LitStr;

use crate::errors::Ctxt;
use crate::parse::SignalAttrs;
use events_schema::fingerprint;
use events_schema::parse::Schema;
use events_schema::versions;

/// A published version of a schema.
pub(crate) struct Version {
    pub(crate) minor: u32,
    /// The absolute path of the file.
    pub(crate) file: String,
    pub(crate) schema: Schema,
}

impl Version {
    fn new(version: versions::Version) -> Self {
        let versions::Version { minor, path, schema } = version;
        let file = fs::canonicalize(&path).unwrap_or(path);
        Self { minor, file: file.to_string_lossy().into_owned(), schema }
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        fingerprint(&self.schema.canonical)
    }
}

/// The default folder of published schemas, in the crate.
pub(crate) const FOLDER: &str = "schemas";

/// The published versions of an event, oldest first. An invalid file is an error.
pub(crate) fn read(cx: &Ctxt, signal: &SignalAttrs) -> Vec<Version> {
    let Some(event_type) = signal.event_type.value() else { return Vec::new() };
    let Some(folder) = schemas_dir(cx, signal) else { return Vec::new() };
    let name = event_type.value();
    if !versions::names_a_folder(&name) {
        // The default folder does not say that this event is to be published.
        if signal.schemas.value().is_some() {
            cx.error(
                event_type,
                format_args!(
                    "`{name}` is not a valid folder name, so its schema cannot be published: remove the attribute `schemas`"
                ),
            );
        }
        return Vec::new();
    }
    let (versions, faults) = versions::read(&folder.join(name));
    for fault in faults {
        cx.error(event_type, format_args!("`{}` {}", display_path(&fault.path), fault.what));
    }
    versions.into_iter().map(Version::new).collect()
}

/// The folder of all published schemas, if there is one.
fn schemas_dir(cx: &Ctxt, signal: &SignalAttrs) -> Option<PathBuf> {
    let krate = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let Some(own) = signal.schemas.value() else {
        return Some(krate?.join(FOLDER));
    };
    let path = own.value();
    let folder = if path.starts_with("./") || path.starts_with("../") {
        source_dir(own)?.join(&path)
    } else {
        krate?.join(&path)
    };
    if !folder.is_dir() {
        cx.error(
            own,
            format_args!(
                "folder `{}` not found: the path is relative to the crate, or to this file if it starts with `./` or `../`",
                display_path(&folder)
            ),
        );
        return None;
    }
    Some(folder)
}

/// The folder of the source file; `None` in rust-analyzer, which does not provide it.
fn source_dir(literal: &LitStr) -> Option<PathBuf> {
    let file = literal.span().unwrap().local_file()?;
    let file = fs::canonicalize(file).ok()?;
    file.parent().map(Path::to_owned)
}

/// A path for messages: normalized, and relative to the crate if it is inside.
fn display_path(path: &Path) -> String {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    let krate = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    plain.strip_prefix(krate).unwrap_or(&plain).display().to_string()
}
