//! An event with its locked versions on disk.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::crate_dir::CrateDir;
use super::export::folder_name;
use super::origin::SourceMismatch;
use super::source::Start;
use super::{diff, key, origin};
use crate::args::Root;
use crate::failure::Failure;
use events_core::avro::{Published, fingerprint};
use events_core::registry::Descriptor;
use events_schema::compat::{Contract, breaks, is_published};
use events_schema::parse::without_bom;
use events_schema::versions::{self, Fault, Version};
use events_schema::view::View;

/// Advice for a program that was built with other schema files.
pub(super) const REBUILD: &str =
    "rebuild it; if its crate has no build script that watches the folder, run `cargo clean` first";

/// An event with its locked versions on disk.
#[derive(Debug)]
pub(super) struct LockedEvent {
    pub(super) descriptor: Descriptor,
    pub(super) crate_dir: CrateDir,
    /// `<schemas>/<event_type>`
    pub(super) folder: PathBuf,
    /// Oldest first.
    pub(super) versions: Vec<Version>,
    /// The files that are not valid versions.
    pub(super) faults: Vec<Fault>,
    /// The versions in the form of the compile-time check.
    published: &'static [Published],
}

impl Root {
    /// Where the search for sources starts, as an absolute path.
    pub(super) fn start(&self) -> io::Result<Start> {
        let folder = std::path::absolute(self.root.as_deref().unwrap_or(Path::new(".")))?;
        Ok(Start { folder, is_explicit: self.root.is_some() })
    }
}

impl LockedEvent {
    /// Finds and reads an event. Fails if one of its files is invalid.
    pub(super) fn find(descriptor: Descriptor, root: &Root) -> Result<Self, Failure> {
        let crate_dir = CrateDir::of(descriptor, &root.start()?)
            .map_err(|error| Failure::failed(format!("{}: {error}", descriptor.event_type())))?;
        let locked = Self::read(descriptor, crate_dir).map_err(Failure::failed)?;
        match locked.faults.as_slice() {
            [] => Ok(locked),
            faults => Err(Failure::failed(
                faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  and "),
            )),
        }
    }

    /// Reads the files of an event.
    ///
    /// # Errors
    /// If the event type can't be used as a folder name.
    pub(super) fn read(descriptor: Descriptor, crate_dir: CrateDir) -> Result<Self, String> {
        let folder = crate_dir.schemas.join(folder_name(descriptor)?);
        let (versions, faults) = versions::read(&folder);
        let published = versions.iter().map(published).collect::<Vec<_>>().leak();
        Ok(Self { descriptor, crate_dir, folder, versions, faults, published })
    }

    /// The event in a program that was built with the current files.
    #[cfg(test)]
    pub(super) fn built(descriptor: events_core::internal::SignalDescriptor, crate_dir: CrateDir) -> Self {
        let new = |descriptor| Descriptor::new(Box::leak(Box::new(descriptor)));
        let locked = Self::read(new(descriptor), crate_dir).expect("a folder");
        let published = locked.published;
        Self {
            descriptor: new(events_core::internal::SignalDescriptor { published, ..descriptor }),
            ..locked
        }
    }

    pub(super) fn version(&self, minor: u32) -> Result<&Version, Failure> {
        self.versions.iter().find(|version| version.minor == minor).ok_or_else(|| {
            let locked: Vec<_> = self.versions.iter().map(|version| version.minor.to_string()).collect();
            let locked = if locked.is_empty() { "none".to_owned() } else { locked.join(", ") };
            let event_type = self.descriptor.event_type();
            Failure::Usage(format!(
                "version {minor} of `{event_type}` is not locked; locked versions: {locked}"
            ))
        })
    }

    pub(super) fn newest(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// Whether the newest version has the schema and the key of the definition.
    pub(super) fn is_current(&self) -> bool {
        self.has_current_schema() && self.changed_key().is_none()
    }

    /// Whether the newest version has the schema of the definition.
    pub(super) fn has_current_schema(&self) -> bool {
        self.published.last().is_some_and(|newest| {
            is_published(self.descriptor.schema(), newest, self.descriptor.get().schemas.form)
        })
    }

    /// Whether the program was compiled with other files than the current ones.
    pub(super) fn is_stale(&self) -> bool {
        let compiled = self.descriptor.published();
        compiled.len() != self.published.len()
            || compiled.iter().zip(self.published).any(|(compiled, current)| {
                compiled.minor_version != current.minor_version || compiled.packed != current.packed
            })
    }

    /// The compatibility errors of the definition, in the wording of the compile errors.
    pub(super) fn breaks(&self) -> Vec<String> {
        breaks(&self.contract(self.published), View::tree(self.descriptor.schema()))
    }

    /// Questions to the author about the changes since the newest version.
    pub(super) fn questions(&self) -> Vec<String> {
        let newest = self.published.last().map(|newest| View::packed(newest.packed));
        newest.map(|newest| diff::questions(newest, View::tree(self.descriptor.schema()))).unwrap_or_default()
    }

    /// Describes the change of the key since the newest version.
    pub(super) fn changed_key(&self) -> Option<String> {
        let text = fs::read_to_string(&self.newest()?.path).ok()?;
        key::describe_change(&serde_json::from_str(without_bom(&text)).ok()?, self.descriptor)
    }

    /// The first source file that changed since the program was compiled.
    pub(super) fn source_mismatch(&self) -> Option<SourceMismatch> {
        origin::source_mismatch(self.descriptor.schema(), &self.crate_dir.root)
    }

    /// The compatibility errors of each version against the earlier ones.
    pub(super) fn broken_versions(&self) -> impl Iterator<Item = (&Version, String)> {
        self.versions.iter().zip(self.published).enumerate().flat_map(|(index, (version, published))| {
            let before = self.contract(self.published.get(..index).unwrap_or_default());
            breaks(&before, View::packed(published.packed)).into_iter().map(move |text| (version, text))
        })
    }

    fn contract(&self, published: &'static [Published]) -> Contract {
        let schemas = self.descriptor.get().schemas;
        Contract {
            event_type: self.descriptor.event_type(),
            next: schemas.next,
            compatibility: schemas.compatibility,
            schema: self.descriptor.schema(),
            published,
            form: schemas.form,
        }
    }
}

/// Converts a file to the compiled form. Its bytes are leaked: a command reads each file once and then
/// exits.
fn published(version: &Version) -> Published {
    Published {
        minor_version: version.minor,
        fingerprint: fingerprint(&version.schema.canonical),
        packed: version.schema.bytes.clone().leak(),
    }
}

/// A path relative to the current folder if it is inside it.
pub(super) fn relative_display(path: &Path) -> String {
    let current_dir = env::current_dir().unwrap_or_default();
    path.strip_prefix(current_dir).unwrap_or(path).display().to_string()
}
