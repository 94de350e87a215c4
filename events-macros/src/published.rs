//! What has been published of an event: `schemas/<event_type>/<minor>.avsc` of its crate.

use std::fs;
use std::path::{Component, Path, PathBuf};

use syn::LitStr;

use crate::errors::Ctxt;
use crate::fingerprint::fingerprint;
use crate::packed::{RECORD, Schema, pack};
use crate::parse::SignalAttrs;

/// A published version of a schema.
pub(crate) struct Version {
    pub(crate) minor: u32,
    /// The file, by its absolute path.
    pub(crate) file: String,
    pub(crate) schema: Schema,
}

impl Version {
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
    // Foreign event types may hold any characters.
    let mut parts = Path::new(&name).components();
    if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(folder.join(&name)) else { return Vec::new() };
    let mut versions: Vec<Version> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "avsc"))
        .filter_map(|path| version(&path).map_err(|fault| cx.error(event_type, fault)).ok())
        .collect();
    versions.sort_by_key(|version| version.minor);
    versions
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

/// Reads `<minor>.avsc`.
fn version(path: &Path) -> Result<Version, String> {
    let shown = shown(path);
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    // `01.avsc` would be a second file of version 1.
    let minor = stem.parse().ok().filter(|number: &u32| number.to_string() == stem).ok_or_else(|| {
        format!("`{shown}` has no minor version in its name: published schemas are `0.avsc`, `1.avsc`, …")
    })?;
    let text = fs::read_to_string(path).map_err(|error| format!("`{shown}` can't be read: {error}"))?;
    let schema = pack(&text).map_err(|fault| format!("`{shown}` is no Avro schema: {fault}"))?;
    if schema.bytes.first() != Some(&RECORD) {
        return Err(format!("`{shown}` is no record, as an event is"));
    }
    let file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    Ok(Version { minor, file: file.to_string_lossy().into_owned(), schema })
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
