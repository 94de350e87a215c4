//! Finds the crate that defines an event, and its folder of published schemas.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use super::source::{Definition, Start, crate_of};
use events_core::registry::Descriptor;

/// The crate that defines an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CrateDir {
    /// The crate's folder.
    pub(super) path: PathBuf,
    /// The folder with the published schemas of the event.
    pub(super) schemas: PathBuf,
    /// The same folder relative to the crate, as its build script names it.
    pub(super) schemas_relative: String,
    /// The folder that source paths are relative to.
    pub(super) root: PathBuf,
}

/// Why the crate of an event can't be used.
#[derive(Debug)]
pub(super) enum LocateError {
    /// The source file was not found.
    NoSource {
        /// File and line of the definition.
        location: String,
        /// The folder where the search started.
        root: PathBuf,
    },
    /// The only candidate is in a parent folder and does not define the event at the recorded line.
    Unclear {
        rust_type: String,
        /// File and line of the definition.
        location: String,
        source: PathBuf,
    },
    /// Several source files may define the event.
    Ambiguous { rust_type: String, sources: Vec<PathBuf> },
    /// The crate is a copy that cargo made of a dependency.
    Foreign { crate_dir: PathBuf },
}

impl fmt::Display for LocateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSource { location, root } => write!(
                f,
                "source {location} not found in {} or its parent folders: run the command in the workspace that defines the event, or pass that folder with `--root`",
                root.display()
            ),
            Self::Unclear { rust_type, location, source } => write!(
                f,
                "`{rust_type}` was compiled from {location}, but {} does not define it there: rebuild this program, or, if a macro defines the type, pass the folder that {location} is relative to with `--root`",
                source.display()
            ),
            Self::Ambiguous { rust_type, sources } => {
                let sources: Vec<_> = sources.iter().map(|source| source.display().to_string()).collect();
                write!(
                    f,
                    "`{rust_type}` may be defined in {}: pass the workspace that defines it with `--root`",
                    sources.join(" or ")
                )
            }
            Self::Foreign { crate_dir } => write!(
                f,
                "the crate {} is a dependency: lock the event in the repository of that crate",
                crate_dir.display()
            ),
        }
    }
}

impl std::error::Error for LocateError {}

impl CrateDir {
    /// Searches for the crate of an event, from a folder upwards.
    pub(super) fn of(descriptor: Descriptor, start: &Start) -> Result<Self, LocateError> {
        let definition = Definition {
            file: descriptor.file(),
            line: descriptor.line(),
            rust_type: descriptor.rust_type(),
        };
        Self::find(start, definition, descriptor.get().schemas.folder)
    }

    fn find(start: &Start, definition: Definition<'_>, folder: &str) -> Result<Self, LocateError> {
        let source = definition.find(start)?;
        let path = crate_of(&source).ok_or_else(|| definition.not_found(start))?;
        if is_dependency(path) {
            return Err(LocateError::Foreign { crate_dir: path.to_owned() });
        }
        let is_source_relative = folder.starts_with("./") || folder.starts_with("../");
        let base = if is_source_relative { source.parent().unwrap_or(path) } else { path };
        let schemas = normalize(&base.join(folder));
        let root = root_of(&source, definition.file).to_owned();
        let path = normalize(path);
        let schemas_relative = relative(&path, &schemas);
        Ok(Self { path, schemas, schemas_relative, root })
    }
}

/// The folder that the path `file` is relative to. For an absolute path, the folder of the file.
fn root_of<'a>(source: &'a Path, file: &str) -> &'a Path {
    let depth = if Path::new(file).is_absolute() { 1 } else { Path::new(file).components().count() };
    source.ancestors().nth(depth).unwrap_or(source)
}

/// Whether a crate comes from a registry, a git dependency or a vendored folder. Cargo leaves marker
/// files in all of them.
fn is_dependency(crate_dir: &Path) -> bool {
    crate_dir.join(".cargo-checksum.json").exists()
        || crate_dir.ancestors().any(|above| above.join(".cargo-ok").exists())
}

/// Resolves `.` and `..` in a path.
fn normalize(path: &Path) -> PathBuf {
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

/// The relative path from one folder to another, with `/` as the separator.
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

    /// Creates a workspace with one crate and one definition.
    fn workspace() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("shop/src/deep")).unwrap();
        fs::write(folder.path().join("Cargo.toml"), "[workspace]").unwrap();
        fs::write(folder.path().join("shop/Cargo.toml"), "[package]\nname = 'shop'").unwrap();
        fs::write(folder.path().join(FILE), "#[derive(PublicSignal)]\npub struct Placed;").unwrap();
        folder
    }

    fn find(root: &Path, folder: &str) -> Result<CrateDir, LocateError> {
        let definition = Definition { file: FILE, line: 1, rust_type: "shop::orders::Placed" };
        CrateDir::find(&Start { folder: root.to_owned(), is_explicit: false }, definition, folder)
    }

    #[test]
    fn source_is_found_from_a_folder_below_the_workspace() {
        let workspace = workspace();
        let krate = workspace.path().join("shop");
        for root in [workspace.path().to_owned(), krate.clone(), krate.join("src/deep")] {
            let found = find(&root, "schemas").unwrap();
            let expected = CrateDir {
                path: krate.clone(),
                schemas: krate.join("schemas"),
                schemas_relative: "schemas".to_owned(),
                root: workspace.path().to_owned(),
            };
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn folder_is_relative_to_the_crate_or_to_the_source() {
        let workspace = workspace();
        let krate = workspace.path().join("shop");
        for (option, schemas, schemas_relative) in [
            ("contracts/avro", krate.join("contracts/avro"), "contracts/avro"),
            ("./published", krate.join("src/published"), "src/published"),
            ("../published", krate.join("published"), "published"),
            ("../../shared", workspace.path().join("shared"), "../shared"),
        ] {
            let found = find(workspace.path(), option).unwrap();
            assert_eq!((found.schemas, &*found.schemas_relative), (schemas, schemas_relative), "{option}");
        }
    }

    #[test]
    fn file_of_the_same_name_without_the_type_is_skipped() {
        let workspace = workspace();
        fs::create_dir_all(workspace.path().join("other/shop/src")).unwrap();
        fs::write(workspace.path().join("other").join(FILE), "pub struct Cancelled;").unwrap();
        let found = find(&workspace.path().join("other"), "schemas").unwrap();
        assert_eq!(found.path, workspace.path().join("shop"));
    }

    #[test]
    fn missing_source_is_an_error_with_advice() {
        let elsewhere = tempfile::tempdir().unwrap();
        let error = find(elsewhere.path(), "schemas").unwrap_err().to_string();
        assert!(error.contains("shop/src/orders.rs:1") && error.contains("--root"), "{error}");
    }

    #[test]
    fn dependency_is_locked_in_its_own_repository() {
        for (marker, above) in [(".cargo-ok", "shop"), (".cargo-ok", ""), (".cargo-checksum.json", "shop")] {
            let workspace = workspace();
            fs::write(workspace.path().join(above).join(marker), "").unwrap();
            let error = find(workspace.path(), "schemas").unwrap_err().to_string();
            assert!(error.contains("lock the event in the repository of that crate"), "{marker}: {error}");
        }
    }
}
