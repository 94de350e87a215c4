//! The build script that makes cargo detect new schema files of a crate.
//!
//! Edited and removed files are detected without it, since the derive registers them with the
//! compiler. It can't register files that do not exist yet, and only a build script can make cargo
//! watch a folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Crate documentation of the generated script, for crates that deny `missing_docs`.
const HEADER: &str = "\
//! Rebuilds the crate when schema files are added: published schemas are read at compile time.

";

/// Whether a crate's build script watches its published schemas.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BuildScript {
    /// It watches every folder.
    Complete,
    /// There is no build script.
    Missing(PathBuf),
    /// It lacks these lines.
    Incomplete(PathBuf, Vec<String>),
    /// This `Cargo.toml` sets `build = false`.
    Disabled(PathBuf),
}

impl BuildScript {
    /// Inspects the build script of a crate, which has to watch these folders.
    pub(super) fn inspect(crate_dir: &Path, watched: &BTreeSet<String>) -> Self {
        let path = match path(crate_dir) {
            Ok(path) => path,
            Err(manifest) => return Self::Disabled(manifest),
        };
        let Ok(text) = fs::read_to_string(&path) else { return Self::Missing(path) };
        let missing: Vec<_> =
            watched.iter().filter(|folder| !watches(&text, folder)).map(|folder| line(folder)).collect();
        if missing.is_empty() { Self::Complete } else { Self::Incomplete(path, missing) }
    }

    /// The fix, unless the script is complete.
    pub(super) fn advice(&self, watched: &BTreeSet<String>) -> Option<String> {
        const PURPOSE: &str = "so that cargo detects new schema files";
        match self {
            Self::Complete => None,
            Self::Missing(_) => Some(format!("create it with `schema lock`, {PURPOSE}")),
            Self::Incomplete(_, lines) => Some(format!("add to `main`, {PURPOSE}: {}", lines.join(" "))),
            Self::Disabled(_) => {
                let lines: Vec<_> = watched.iter().map(|folder| line(folder)).collect();
                Some(format!("add a build script, {PURPOSE}, with {}", lines.join(" ")))
            }
        }
    }
}

/// Writes a build script that watches these folders.
pub(super) fn write(path: &Path, watched: &BTreeSet<String>) -> io::Result<()> {
    let lines: Vec<_> = watched.iter().map(|folder| line(folder)).collect();
    fs::write(path, format!("{HEADER}fn main() {{\n    {}\n}}\n", lines.join("\n    ")))
}

fn line(folder: &str) -> String {
    format!("println!(\"cargo::rerun-if-changed={folder}\");")
}

/// Whether a build script mentions a folder. A script that watches it in another way may have the
/// line in a comment.
fn watches(text: &str, folder: &str) -> bool {
    let instruction = format!("rerun-if-changed={folder}");
    text.match_indices(&instruction).any(|(start, _)| {
        let rest = text.get(start + instruction.len()..).unwrap_or_default();
        !rest.starts_with(|next: char| next.is_alphanumeric() || matches!(next, '/' | '_' | '-' | '.'))
    })
}

/// The path of a crate's build script, whether or not it exists.
///
/// # Errors
/// The path of the manifest, if it sets `build = false`.
fn path(krate: &Path) -> Result<PathBuf, PathBuf> {
    let manifest = krate.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap_or_default();
    let table = DeTable::parse(&text).ok();
    let package = table.as_ref().and_then(|table| table.get_ref().get("package")?.get_ref().as_table());
    match package.and_then(|package| package.get("build")).map(Spanned::get_ref) {
        Some(DeValue::String(own)) => Ok(krate.join(own.as_ref())),
        Some(DeValue::Boolean(false)) => Err(manifest),
        _ => Ok(krate.join("build.rs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn krate(manifest: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Cargo.toml"), format!("[package]\nname = 'shop'\n{manifest}")).unwrap();
        folder
    }

    #[test]
    fn generated_script_is_complete() {
        let krate = krate("");
        let watched = folders(&["schemas", "../shared"]);
        let path = krate.path().join("build.rs");
        assert_eq!(BuildScript::inspect(krate.path(), &watched), BuildScript::Missing(path.clone()));
        write(&path, &watched).unwrap();
        assert_eq!(BuildScript::inspect(krate.path(), &watched), BuildScript::Complete);
    }

    #[test]
    fn missing_line_is_part_of_the_advice() {
        let krate = krate("build = 'build/main.rs'");
        let path = krate.path().join("build/main.rs");
        fs::create_dir(krate.path().join("build")).unwrap();
        let watched = folders(&["schemas"]);
        let line = r#"println!("cargo::rerun-if-changed=schemas");"#.to_owned();
        for other in ["", "schemas_of_others", "schemas/old", "build.rs"] {
            fs::write(&path, format!("fn main() {{ println!(\"cargo:rerun-if-changed={other}\"); }}"))
                .unwrap();
            let script = BuildScript::inspect(krate.path(), &watched);
            assert_eq!(script, BuildScript::Incomplete(path.clone(), vec![line.clone()]), "{other}");
            assert!(script.advice(&watched).unwrap().contains(&line));
        }
        for own in ["println!(\"cargo:rerun-if-changed=schemas\")", "// rerun-if-changed=schemas"] {
            fs::write(&path, own).unwrap();
            assert_eq!(BuildScript::inspect(krate.path(), &watched), BuildScript::Complete, "{own}");
        }
    }

    #[test]
    fn disabled_build_script_is_detected() {
        let krate = krate("build = false");
        let script = BuildScript::inspect(krate.path(), &folders(&["schemas"]));
        assert_eq!(script, BuildScript::Disabled(krate.path().join("Cargo.toml")));
    }
}
