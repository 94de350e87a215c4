//! The crate's build script, by which cargo sees that a schema was added.
//!
//! Edited and removed files are seen without it, for the derive names them to the compiler. A file
//! that was not there yet can't be named: only a build script can have cargo watch a folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Crate documentation, for some crates insist on it.
const WHY: &str = "\
//! Published schemas are read while the crate compiles: this has cargo see those that are added.

";

/// What a crate's build script says of its published schemas.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BuildScript {
    /// It has every line.
    Complete,
    /// There is none.
    Absent(PathBuf),
    /// It lacks these lines.
    Lacks(PathBuf, Vec<String>),
    /// `Cargo.toml` says that there is none.
    Refused(PathBuf),
}

impl BuildScript {
    /// Looks at the build script of a crate, which has to watch these folders.
    pub(super) fn of(krate: &Path, watched: &BTreeSet<String>) -> Self {
        let path = match path(krate) {
            Ok(path) => path,
            Err(manifest) => return Self::Refused(manifest),
        };
        let Ok(text) = fs::read_to_string(&path) else { return Self::Absent(path) };
        let lacking: Vec<_> =
            watched.iter().filter(|folder| !watches(&text, folder)).map(|folder| line(folder)).collect();
        if lacking.is_empty() { Self::Complete } else { Self::Lacks(path, lacking) }
    }

    /// What to do about it, where something is to be done.
    pub(super) fn advice(&self, watched: &BTreeSet<String>) -> Option<String> {
        const SO: &str = "so that cargo sees added schemas";
        match self {
            Self::Complete => None,
            Self::Absent(_) => Some(format!("`schema lock` writes it, {SO}")),
            Self::Lacks(_, lines) => Some(format!("add to its `main`, {SO}: {}", lines.join(" "))),
            Self::Refused(_) => {
                let lines: Vec<_> = watched.iter().map(|folder| line(folder)).collect();
                Some(format!("give the crate a build script, {SO}, with {}", lines.join(" ")))
            }
        }
    }
}

/// Writes a build script that watches these folders.
pub(super) fn write(path: &Path, watched: &BTreeSet<String>) -> io::Result<()> {
    fs::write(path, text(watched))
}

/// A whole build script.
fn text(watched: &BTreeSet<String>) -> String {
    let lines: Vec<_> = watched.iter().map(|folder| line(folder)).collect();
    format!("{WHY}fn main() {{\n    {}\n}}\n", lines.join("\n    "))
}

fn line(folder: &str) -> String {
    format!("println!(\"cargo::rerun-if-changed={folder}\");")
}

/// Whether a build script speaks of a folder. One that does it by other words can have the line in a
/// comment.
fn watches(text: &str, folder: &str) -> bool {
    let wanted = format!("rerun-if-changed={folder}");
    text.match_indices(&wanted).any(|(start, _)| {
        let rest = text.get(start + wanted.len()..).unwrap_or_default();
        !rest.starts_with(|next: char| next.is_alphanumeric() || matches!(next, '/' | '_' | '-' | '.'))
    })
}

/// Where a crate has its build script, or would have it.
///
/// # Errors
/// The manifest, where it says `build = false`.
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
    fn what_is_written_is_complete() {
        let krate = krate("");
        let watched = folders(&["schemas", "../shared"]);
        let path = krate.path().join("build.rs");
        assert_eq!(BuildScript::of(krate.path(), &watched), BuildScript::Absent(path.clone()));
        write(&path, &watched).unwrap();
        assert_eq!(BuildScript::of(krate.path(), &watched), BuildScript::Complete);
    }

    #[test]
    fn script_without_the_line_is_told_the_line() {
        let krate = krate("build = 'build/main.rs'");
        let path = krate.path().join("build/main.rs");
        fs::create_dir(krate.path().join("build")).unwrap();
        let watched = folders(&["schemas"]);
        let line = r#"println!("cargo::rerun-if-changed=schemas");"#.to_owned();
        for other in ["", "schemas_of_others", "schemas/old", "build.rs"] {
            fs::write(&path, format!("fn main() {{ println!(\"cargo:rerun-if-changed={other}\"); }}"))
                .unwrap();
            let script = BuildScript::of(krate.path(), &watched);
            assert_eq!(script, BuildScript::Lacks(path.clone(), vec![line.clone()]), "{other}");
            assert!(script.advice(&watched).unwrap().contains(&line));
        }
        for own in ["println!(\"cargo:rerun-if-changed=schemas\")", "// rerun-if-changed=schemas"] {
            fs::write(&path, own).unwrap();
            assert_eq!(BuildScript::of(krate.path(), &watched), BuildScript::Complete, "{own}");
        }
    }

    #[test]
    fn crate_that_refuses_build_scripts_is_told_so() {
        let krate = krate("build = false");
        let script = BuildScript::of(krate.path(), &folders(&["schemas"]));
        assert_eq!(script, BuildScript::Refused(krate.path().join("Cargo.toml")));
    }
}
