//! An event, and the files that are published of it now.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use super::export::folder_name;
use super::home::{Home, Lost};
use super::origin::Elsewhere;
use super::source::Start;
use super::{diff, key, origin};
use crate::avro::{Published, fingerprint};
use crate::cli::args::Root;
use crate::cli::failure::Failure;
use crate::registry::Descriptor;
use events_schema::compat::{Contract, breaks, is_published};
use events_schema::packed::json::without_bom;
use events_schema::versions::{self, Fault, Version};
use events_schema::view::View;

/// An event, and the files that are published of it now.
#[derive(Debug)]
pub(super) struct Locked {
    pub(super) descriptor: Descriptor,
    pub(super) home: Home,
    /// `<schemas>/<event_type>`
    pub(super) folder: PathBuf,
    /// The files, oldest first.
    pub(super) versions: Vec<Version>,
    /// The files that are no versions.
    pub(super) faults: Vec<Fault>,
    /// The versions as the compiler's check takes them.
    published: &'static [Published],
}

impl Root {
    /// Where the search for sources begins, in full.
    pub(super) fn start(&self) -> io::Result<Start> {
        let folder = std::path::absolute(self.root.as_deref().unwrap_or(Path::new(".")))?;
        Ok(Start { folder, named: self.root.is_some() })
    }
}

impl Locked {
    /// The event with its files, all of which have to be sound.
    pub(super) fn find(descriptor: Descriptor, root: &Root) -> Result<Self, Failure> {
        let home = Home::of(descriptor, &root.start()?).map_err(|lost| failure(descriptor, &lost))?;
        let locked = Self::read(descriptor, home).map_err(Failure::failed)?;
        match locked.faults.as_slice() {
            [] => Ok(locked),
            faults => Err(Failure::failed(
                faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  and "),
            )),
        }
    }

    /// The event with its files, and what is wrong with them.
    ///
    /// # Errors
    /// The event can have no files, for its type is no name for a folder.
    pub(super) fn read(descriptor: Descriptor, home: Home) -> Result<Self, String> {
        let folder = home.folder.join(folder_name(descriptor)?);
        let (versions, faults) = versions::read(&folder);
        let published = versions.iter().map(published).collect::<Vec<_>>().leak();
        Ok(Self { descriptor, home, folder, versions, faults, published })
    }

    /// The event as a program knows it that was built with the files that are there.
    #[cfg(test)]
    pub(super) fn built(descriptor: crate::private::SignalDescriptor, home: Home) -> Self {
        let new = |descriptor| Descriptor::new(Box::leak(Box::new(descriptor)));
        let locked = Self::read(new(descriptor), home).expect("a folder");
        let published = locked.published;
        Self { descriptor: new(crate::private::SignalDescriptor { published, ..descriptor }), ..locked }
    }

    /// A version by its number.
    pub(super) fn version(&self, minor: u32) -> Result<&Version, Failure> {
        self.versions.iter().find(|version| version.minor == minor).ok_or_else(|| {
            let known: Vec<_> = self.versions.iter().map(|version| version.minor.to_string()).collect();
            let known = match known.as_slice() {
                [] => "none is".to_owned(),
                known => format!("these are: {}", known.join(", ")),
            };
            let event_type = self.descriptor.event_type();
            Failure::Usage(format!("version {minor} of `{event_type}` is not locked; {known}"))
        })
    }

    /// The newest version.
    pub(super) fn newest(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// Whether the newest version holds the definition, and its key.
    pub(super) fn is_current(&self) -> bool {
        self.has_current_schema() && self.changed_key().is_none()
    }

    /// Whether the newest version holds the schema of the definition.
    pub(super) fn has_current_schema(&self) -> bool {
        self.published.last().is_some_and(|newest| {
            is_published(self.descriptor.schema(), newest, self.descriptor.get().schemas.form)
        })
    }

    /// Whether the program was compiled with other files than there are now.
    pub(super) fn is_stale(&self) -> bool {
        let compiled = self.descriptor.published();
        compiled.len() != self.published.len()
            || compiled
                .iter()
                .zip(self.published)
                .any(|(then, now)| then.minor_version != now.minor_version || then.packed != now.packed)
    }

    /// What the definition breaks of the files, in the words of the compiler.
    pub(super) fn breaks(&self) -> Vec<String> {
        breaks(&self.contract(self.published), View::tree(self.descriptor.schema()))
    }

    /// What to ask the author about what has changed since the newest version.
    pub(super) fn questions(&self) -> Vec<String> {
        let newest = self.published.last().map(|newest| View::packed(newest.packed));
        newest.map(|newest| diff::questions(newest, View::tree(self.descriptor.schema()))).unwrap_or_default()
    }

    /// That the newest version has another key.
    pub(super) fn changed_key(&self) -> Option<String> {
        let text = fs::read_to_string(&self.newest()?.path).ok()?;
        key::changed(&serde_json::from_str(without_bom(&text)).ok()?, self.descriptor)
    }

    /// That the program was not compiled from the sources that are there now.
    pub(super) fn elsewhere(&self) -> Option<Elsewhere> {
        origin::elsewhere(self.descriptor.schema(), &self.home.root)
    }

    /// What each version breaks of those before it.
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

/// A file in the form of one that was compiled in, which lives as long as the program; a command
/// reads each file once, and then it ends.
fn published(version: &Version) -> Published {
    Published {
        minor_version: version.minor,
        fingerprint: fingerprint(&version.schema.canonical),
        packed: version.schema.bytes.clone().leak(),
    }
}

/// An event whose files have no place, as a failure of the whole command.
pub(super) fn failure(descriptor: Descriptor, lost: &Lost) -> Failure {
    Failure::failed(format!("{}: {lost}", descriptor.event_type()))
}

/// A path as short as it can be from here.
pub(super) fn shown(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}
