//! What has been published of an event: `schemas/<event_type>/<minor>.avsc` of its crate.

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
    /// The file, by its absolute path.
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

/// The folder of a crate that has its published schemas.
pub(crate) const FOLDER: &str = "schemas";

/// The published versions of an event, oldest first. A file that is none is an error.
pub(crate) fn read(cx: &Ctxt, signal: &SignalAttrs) -> Vec<Version> {
    let Some(event_type) = signal.event_type.value() else { return Vec::new() };
    let Some(folder) = folder(cx, signal) else { return Vec::new() };
    let name = event_type.value();
    if !versions::names_a_folder(&name) {
        // Without the option nobody said that it is to be published.
        if signal.schemas.value().is_some() {
            cx.error(
                event_type,
                format_args!(
                    "`{name}` is no name for a folder, so nothing can be published of it in `schemas`: leave the option out"
                ),
            );
        }
        return Vec::new();
    }
    let (versions, faults) = versions::read(&folder.join(name));
    for fault in faults {
        cx.error(event_type, format_args!("`{}` {}", shown(&fault.path), fault.what));
    }
    versions.into_iter().map(Version::new).collect()
}

/// The folder with all published schemas; `None` where there is none.
fn folder(cx: &Ctxt, signal: &SignalAttrs) -> Option<PathBuf> {
    let krate = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let Some(own) = signal.schemas.value() else {
        return Some(krate?.join(FOLDER));
    };
    let path = own.value();
    let folder = if path.starts_with("./") || path.starts_with("../") {
        beside(own)?.join(&path)
    } else {
        krate?.join(&path)
    };
    if !folder.is_dir() {
        cx.error(
            own,
            format_args!(
                "there is no folder `{}`: a path is relative to the crate, and to this file where it begins with `./` or `../`",
                shown(&folder)
            ),
        );
        return None;
    }
    Some(folder)
}

/// The folder of the source file; rust-analyzer does not tell it.
fn beside(literal: &LitStr) -> Option<PathBuf> {
    let file = literal.span().unwrap().local_file()?;
    let file = fs::canonicalize(file).ok()?;
    file.parent().map(Path::to_owned)
}

/// A path for messages: without steps back, and relative to the crate where it is within.
fn shown(path: &Path) -> String {
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
