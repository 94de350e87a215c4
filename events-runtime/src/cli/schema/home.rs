//! Where an event is defined, and where its crate keeps what is published.

use std::fmt;
use std::fs;
use std::path::{Component, Path, PathBuf};

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
    pub(super) fn of(descriptor: Descriptor, root: &Path) -> Result<Self, Lost> {
        Self::find(
            root,
            descriptor.file(),
            descriptor.line(),
            descriptor.rust_type(),
            descriptor.get().schemas.folder,
        )
    }

    /// Cargo tells the compiler the files of workspace members relative to the workspace, and those
    /// of others in full.
    fn find(root: &Path, file: &str, line: u32, rust_type: &str, folder: &str) -> Result<Self, Lost> {
        let lost = || Lost::NoSource { place: format!("{file}:{line}"), root: root.to_owned() };
        let name = rust_type.rsplit("::").next().unwrap_or_default();
        let source = root.ancestors().map(|above| above.join(file)).find(|path| defines(path, name));
        let source = source.ok_or_else(lost)?;
        let krate = source.ancestors().find(|above| above.join("Cargo.toml").is_file()).ok_or_else(lost)?;
        if is_copy(krate) {
            return Err(Lost::Foreign { krate: krate.to_owned() });
        }
        let beside = folder.starts_with("./") || folder.starts_with("../");
        let base = if beside { source.parent().unwrap_or(krate) } else { krate };
        let folder = normal(&base.join(folder));
        let krate = normal(krate);
        let watched = relative(&krate, &folder);
        Ok(Self { krate, folder, watched })
    }
}

/// Whether a file is there and speaks of the type: `src/lib.rs` is a file of many crates.
fn defines(path: &Path, name: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.contains(name))
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
    use super::*;

    const FILE: &str = "shop/src/orders.rs";

    /// A workspace with one crate and one definition.
    fn workspace() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("shop/src/deep")).unwrap();
        fs::write(folder.path().join("Cargo.toml"), "[workspace]").unwrap();
        fs::write(folder.path().join("shop/Cargo.toml"), "[package]").unwrap();
        fs::write(folder.path().join(FILE), "pub struct Placed;").unwrap();
        folder
    }

    fn find(root: &Path, folder: &str) -> Result<Home, Lost> {
        Home::find(root, FILE, 3, "shop::orders::Placed", folder)
    }

    #[test]
    fn source_is_found_from_a_folder_below_the_workspace() {
        let workspace = workspace();
        let krate = workspace.path().join("shop");
        for root in [workspace.path().to_owned(), krate.clone(), krate.join("src/deep")] {
            let home = find(&root, "schemas").unwrap();
            let expected =
                Home { krate: krate.clone(), folder: krate.join("schemas"), watched: "schemas".to_owned() };
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
        assert!(error.contains("shop/src/orders.rs:3") && error.contains("--root"), "{error}");
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
