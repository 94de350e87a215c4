//! Where an event is defined, and where its crate keeps what is published.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::source::{Definition, Start, crate_of};
use crate::registry::Descriptor;

/// Where the files of an event belong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Home {
    /// The folder of the crate.
    pub(super) krate: PathBuf,
    /// The folder with the published schemas of all its events.
    pub(super) folder: PathBuf,
    /// The same folder, as the crate's build script names it.
    pub(super) watched: String,
    /// The folder that the paths of sources are relative to.
    pub(super) root: PathBuf,
}

/// Why nothing can be written for an event.
#[derive(Debug)]
pub(super) enum Lost {
    /// The source is not where the compiler found it.
    NoSource {
        /// The definition.
        place: String,
        /// Where it was looked for.
        root: PathBuf,
    },
    /// The one source that may define the event is above, and does not do it at the line.
    Unclear {
        rust_type: String,
        /// The definition.
        place: String,
        source: PathBuf,
    },
    /// More than one source may define the event.
    Several { rust_type: String, sources: Vec<PathBuf> },
    /// The source is a copy that cargo made of another repository.
    Foreign {
        /// The crate.
        krate: PathBuf,
    },
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSource { place, root } => write!(
                f,
                "the source {place} is neither in {} nor in a folder above it: run this in the workspace that defines the event, or name it with `--root`",
                root.display()
            ),
            Self::Unclear { rust_type, place, source } => write!(
                f,
                "`{rust_type}` was compiled from {place}, and {} does not say there that it defines it: build this program again, or, if a macro defines it, name the folder that {place} is relative to with `--root`",
                source.display()
            ),
            Self::Several { rust_type, sources } => {
                let sources: Vec<_> = sources.iter().map(|source| source.display().to_string()).collect();
                write!(
                    f,
                    "`{rust_type}` may be defined in each of {}: name the workspace that defines it with `--root`",
                    sources.join(" and ")
                )
            }
            Self::Foreign { krate } => write!(
                f,
                "its crate {} is a copy of another repository: lock it in its own repository",
                krate.display()
            ),
        }
    }
}

impl std::error::Error for Lost {}

impl Home {
    /// Finds where an event is defined, from a folder upwards.
    pub(super) fn of(descriptor: Descriptor, start: &Start) -> Result<Self, Lost> {
        let definition = Definition {
            file: descriptor.file(),
            line: descriptor.line(),
            rust_type: descriptor.rust_type(),
        };
        Self::find(start, definition, descriptor.get().schemas.folder)
    }

    fn find(start: &Start, definition: Definition<'_>, folder: &str) -> Result<Self, Lost> {
        let source = definition.find(start)?;
        let krate = crate_of(&source).ok_or_else(|| definition.lost(start))?;
        if is_copy(krate) {
            return Err(Lost::Foreign { krate: krate.to_owned() });
        }
        let beside = folder.starts_with("./") || folder.starts_with("../");
        let base = if beside { source.parent().unwrap_or(krate) } else { krate };
        let folder = normal(&base.join(folder));
        let root = root_of(&source, definition.file).to_owned();
        let krate = normal(krate);
        let watched = relative(&krate, &folder);
        Ok(Self { krate, folder, watched, root })
    }
}

/// The folder that a source's own path is relative to; of a path in full, its folder.
fn root_of<'a>(source: &'a Path, file: &str) -> &'a Path {
    let steps = if Path::new(file).is_absolute() { 1 } else { Path::new(file).components().count() };
    source.ancestors().nth(steps).unwrap_or(source)
}

/// Whether a crate is from a registry, a git dependency or a vendored folder: cargo marks them.
fn is_copy(krate: &Path) -> bool {
    krate.join(".cargo-checksum.json").exists()
        || krate.ancestors().any(|above| above.join(".cargo-ok").exists())
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// The way from one folder to another, as a build script writes it.
fn relative(from: &Path, to: &Path) -> String {
    let shared = from.components().zip(to.components()).take_while(|(from, to)| from == to).count();
    let up = from.components().skip(shared).map(|_| "..".into());
    let down = to.components().skip(shared).map(|part| part.as_os_str().to_string_lossy());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const FILE: &str = "shop/src/orders.rs";

    /// A workspace with one crate and one definition.
    fn workspace() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("shop/src/deep")).unwrap();
        fs::write(folder.path().join("Cargo.toml"), "[workspace]").unwrap();
        fs::write(folder.path().join("shop/Cargo.toml"), "[package]\nname = 'shop'").unwrap();
        fs::write(folder.path().join(FILE), "#[derive(PublicSignal)]\npub struct Placed;").unwrap();
        folder
    }

    fn find(root: &Path, folder: &str) -> Result<Home, Lost> {
        let definition = Definition { file: FILE, line: 1, rust_type: "shop::orders::Placed" };
        Home::find(&Start { folder: root.to_owned(), named: false }, definition, folder)
    }

    #[test]
    fn source_is_found_from_a_folder_below_the_workspace() {
        let workspace = workspace();
        let krate = workspace.path().join("shop");
        for root in [workspace.path().to_owned(), krate.clone(), krate.join("src/deep")] {
            let home = find(&root, "schemas").unwrap();
            let expected = Home {
                krate: krate.clone(),
                folder: krate.join("schemas"),
                watched: "schemas".to_owned(),
                root: workspace.path().to_owned(),
            };
            assert_eq!(home, expected);
        }
    }

    #[test]
    fn folder_is_relative_to_the_crate_or_to_the_source() {
        let workspace = workspace();
        let krate = workspace.path().join("shop");
        for (written, folder, watched) in [
            ("contracts/avro", krate.join("contracts/avro"), "contracts/avro"),
            ("./published", krate.join("src/published"), "src/published"),
            ("../published", krate.join("published"), "published"),
            ("../../shared", workspace.path().join("shared"), "../shared"),
        ] {
            let home = find(workspace.path(), written).unwrap();
            assert_eq!((home.folder, home.watched.as_str()), (folder, watched), "{written}");
        }
    }

    #[test]
    fn file_of_the_same_name_without_the_type_is_passed_over() {
        let workspace = workspace();
        fs::create_dir_all(workspace.path().join("other/shop/src")).unwrap();
        fs::write(workspace.path().join("other").join(FILE), "pub struct Cancelled;").unwrap();
        let home = find(&workspace.path().join("other"), "schemas").unwrap();
        assert_eq!(home.krate, workspace.path().join("shop"));
    }

    #[test]
    fn source_that_is_nowhere_is_told_with_the_way_out() {
        let elsewhere = tempfile::tempdir().unwrap();
        let error = find(elsewhere.path(), "schemas").unwrap_err().to_string();
        assert!(error.contains("shop/src/orders.rs:1") && error.contains("--root"), "{error}");
    }

    #[test]
    fn crate_of_a_registry_is_locked_in_its_own_repository() {
        for (mark, above) in [(".cargo-ok", "shop"), (".cargo-ok", ""), (".cargo-checksum.json", "shop")] {
            let workspace = workspace();
            fs::write(workspace.path().join(above).join(mark), "").unwrap();
            let error = find(workspace.path(), "schemas").unwrap_err().to_string();
            assert!(error.contains("lock it in its own repository"), "{mark}: {error}");
        }
    }
}
