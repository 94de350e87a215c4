//! Finds the source file that defines an event, from the path recorded by the compiler.
//!
//! The path is relative, and many crates have a `src/lib.rs`. So a file matches only if it is in a
//! crate of the right name and defines the type at the recorded line. A wrong match would publish
//! schemas in the wrong crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::crate_dir::LocateError;

/// Where the search for sources starts.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) folder: PathBuf,
    /// Whether the user passed the folder. A match in it then needs no search of its parents.
    pub(super) is_explicit: bool,
}

/// The source location of a definition, as recorded by the compiler.
#[derive(Debug, Clone, Copy)]
pub(super) struct Definition<'a> {
    pub(super) file: &'a str,
    /// The line of the derive, or of the macro call that expands to the definition.
    pub(super) line: u32,
    pub(super) rust_type: &'a str,
}

/// Whether a file defines a type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FileMatch {
    /// The next struct after the line is the type.
    Defines,
    /// The type is defined at another line, because the file was edited, or a macro call at the line
    /// may define it.
    Unclear,
    /// The file does not define the type.
    Unrelated,
}

impl Definition<'_> {
    /// Finds the source file. Cargo records relative paths for workspace members and absolute ones for
    /// other crates.
    pub(super) fn find(self, start: &Start) -> Result<PathBuf, LocateError> {
        let own = start.folder.join(self.file);
        if Path::new(self.file).is_absolute() && own.is_file() {
            return Ok(own);
        }
        let candidates = start.folder.ancestors().map(|above| above.join(self.file));
        let candidates = candidates.map(|path| (self.match_file(&path), path));
        let candidates: Vec<_> = candidates.filter(|(found, _)| *found != FileMatch::Unrelated).collect();
        match candidates.as_slice() {
            [] => Err(self.not_found(start)),
            [(_, first), ..] if start.is_explicit && *first == own => Ok(own),
            [(found, only)] if *found == FileMatch::Defines || *only == own => Ok(only.clone()),
            [(_, only)] => Err(LocateError::Unclear {
                rust_type: self.rust_type.to_owned(),
                location: self.location(),
                source: only.clone(),
            }),
            several => {
                let sources = several.iter().map(|(_, path)| path.clone()).collect();
                Err(LocateError::Ambiguous { rust_type: self.rust_type.to_owned(), sources })
            }
        }
    }

    pub(super) fn not_found(self, start: &Start) -> LocateError {
        LocateError::NoSource { location: self.location(), root: start.folder.clone() }
    }

    fn location(self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    fn match_file(self, path: &Path) -> FileMatch {
        let Ok(text) = fs::read_to_string(path) else { return FileMatch::Unrelated };
        let krate = self.rust_type.split("::").next().unwrap_or_default();
        let name = self.rust_type.rsplit("::").next().unwrap_or_default();
        if !crate_of(path).is_some_and(|folder| may_contain_crate(folder, krate)) {
            return FileMatch::Unrelated;
        }
        let code = strip_comments_and_strings(&text);
        let before = usize::try_from(self.line).unwrap_or(usize::MAX).saturating_sub(1);
        let from_line = || code.lines().skip(before);
        let rest = from_line().collect::<Vec<_>>().join("\n");
        if struct_names(&rest).next() == Some(name) {
            FileMatch::Defines
        } else if struct_names(&code).any(|other| other == name)
            || from_line().next().is_some_and(calls_macro)
        {
            FileMatch::Unclear
        } else {
            FileMatch::Unrelated
        }
    }
}

/// The folder of the crate that contains a source file.
pub(super) fn crate_of(source: &Path) -> Option<&Path> {
    source.ancestors().skip(1).find(|above| above.join("Cargo.toml").is_file())
}

/// Whether the package in this folder may have a target with this crate name. True if its manifest
/// can't be parsed.
fn may_contain_crate(folder: &Path, krate: &str) -> bool {
    let text = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let Ok(manifest) = DeTable::parse(&text) else { return true };
    let manifest = manifest.get_ref();
    let Some(package) = manifest.get("package") else { return false };
    let Some(package) = name(package) else { return true };
    let mut names = BTreeSet::from([package]);
    names.extend(manifest.get("lib").and_then(name));
    for kind in ["bin", "test", "example", "bench"] {
        let targets = manifest.get(kind).and_then(|targets| targets.get_ref().as_array());
        names.extend(targets.into_iter().flatten().filter_map(name));
    }
    for targets in ["src/bin", "tests", "examples", "benches"] {
        let entries = fs::read_dir(folder.join(targets)).into_iter().flatten().flatten();
        names.extend(entries.filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned())));
    }
    names.iter().any(|name| name.replace('-', "_") == krate)
}

/// The `name` in a table of a manifest.
fn name(table: &Spanned<DeValue<'_>>) -> Option<String> {
    Some(table.get_ref().as_table()?.get("name")?.get_ref().as_str()?.to_owned())
}

/// Removes comments and string literals from source text, but keeps line breaks.
fn strip_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if next == '"' {
            literal_len(rest, &code)
        } else {
            code.push(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
            continue;
        };
        let (skipped, remaining) = rest.split_at(skip);
        code.extend(skipped.chars().filter(|c| *c == '\n'));
        rest = remaining;
    }
    code
}

/// The length of the literal that starts with the quote at `text`; `before` is the code before it.
fn literal_len(text: &str, before: &str) -> usize {
    let marks = before.len() - before.trim_end_matches('#').len();
    let raw = before.trim_end_matches('#').ends_with('r');
    if before.ends_with('\'') || before.ends_with("'\\") {
        // A character literal.
        return 1;
    }
    if raw {
        let end = format!("\"{}", "#".repeat(marks));
        return text.get(1..).and_then(|rest| rest.find(&end)).map_or(text.len(), |at| at + 1 + end.len());
    }
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == '"' && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |(at, _)| at + 1)
}

/// The names of the structs in source code, in order.
fn struct_names(code: &str) -> impl Iterator<Item = &str> {
    let is_identifier = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices("struct").filter_map(move |(at, keyword)| {
        let (before, after) = (code.get(..at)?, code.get(at + keyword.len()..)?);
        let name = after.trim_start();
        if before.ends_with(is_identifier) || name.len() == after.len() {
            return None;
        }
        let name = name.strip_prefix("r#").unwrap_or(name);
        name.split(|c| !is_identifier(c)).next().filter(|name| !name.is_empty())
    })
}

/// Whether a line contains a macro call.
fn calls_macro(line: &str) -> bool {
    line.match_indices('!').any(|(at, _)| {
        line.get(..at).is_some_and(|before| before.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACED: &str = "\
use events_runtime::PublicSignal;

#[derive(
    Debug, PublicSignal,
)]
#[public_signal(event_type = \"org.acme.struct.placed.v1\")] // struct Other
/// A struct of an order.
#[doc = r#\"struct \"Other\"\"#]
pub struct Placed {
    id: String,
}
";

    /// Creates a root package with the definition and a member with the given source.
    fn workspace(member: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir_all(path.join("src")).unwrap();
        fs::create_dir_all(path.join("consumer/src")).unwrap();
        fs::write(path.join("Cargo.toml"), "[package]\nname = 'the-shop'").unwrap();
        fs::write(path.join("consumer/Cargo.toml"), "[package]\nname = 'consumer'").unwrap();
        fs::write(path.join("src/lib.rs"), PLACED).unwrap();
        fs::write(path.join("consumer/src/lib.rs"), member).unwrap();
        folder
    }

    fn find(folder: &Path, is_explicit: bool) -> Result<PathBuf, LocateError> {
        let definition = Definition { file: "src/lib.rs", line: 4, rust_type: "the_shop::orders::Placed" };
        definition.find(&Start { folder: folder.to_owned(), is_explicit })
    }

    #[test]
    fn file_of_another_crate_never_matches() {
        for member in ["pub use the_shop::Placed;", "orders!();", "pub struct Placed;", PLACED] {
            let workspace = workspace(member);
            let source = find(&workspace.path().join("consumer"), false).unwrap();
            assert_eq!(source, workspace.path().join("src/lib.rs"), "{member}");
        }
    }

    /// A package may have the name of another package's target.
    #[test]
    fn file_of_a_crate_of_the_same_name_matches_only_if_it_defines_the_type() {
        for (member, matches) in
            [("pub use the_shop::Placed;", false), ("struct Placed2;", false), ("struct Placed;", true)]
        {
            let workspace = workspace(member);
            let consumer = workspace.path().join("consumer");
            fs::write(consumer.join("Cargo.toml"), "[package]\nname = 'consumer'\n[lib]\nname = 'the_shop'")
                .unwrap();
            let found = find(&consumer, false);
            if !matches {
                assert_eq!(found.unwrap(), workspace.path().join("src/lib.rs"), "{member}");
                continue;
            }
            let error = found.unwrap_err().to_string();
            for source in [consumer.join("src/lib.rs"), workspace.path().join("src/lib.rs")] {
                assert!(error.contains(source.to_str().unwrap()) && error.contains("--root"), "{error}");
            }
            assert_eq!(find(&consumer, true).unwrap(), consumer.join("src/lib.rs"));
            assert_eq!(find(workspace.path(), true).unwrap(), workspace.path().join("src/lib.rs"));
        }
    }

    #[test]
    fn definition_by_a_macro_matches_in_the_start_folder() {
        for source in ["\n\n\norders! { Placed }", "\n\n\n\npub struct Placed;\npub struct Other;\n\n"] {
            let workspace = workspace("");
            fs::write(workspace.path().join("src/lib.rs"), source).unwrap();
            let found = workspace.path().join("src/lib.rs");
            assert_eq!(find(workspace.path(), false).unwrap(), found);
        }
        let workspace = workspace("");
        fs::write(workspace.path().join("src/lib.rs"), "\n\n\norders! { Placed }").unwrap();
        let error = find(&workspace.path().join("consumer"), false).unwrap_err().to_string();
        assert!(error.contains("--root") && error.contains("a macro"), "{error}");
    }

    #[test]
    fn crate_can_be_any_target_of_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = "[package]\nname = 'shop'\n[lib]\nname = 'core'\n[[bin]]\nname = 'shop-admin'";
        fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        fs::create_dir_all(folder.path().join("tests/whole")).unwrap();
        fs::create_dir_all(folder.path().join("src/bin")).unwrap();
        fs::write(folder.path().join("src/bin/shop-cli.rs"), "").unwrap();
        for krate in ["shop", "core", "shop_admin", "whole", "shop_cli"] {
            assert!(may_contain_crate(folder.path(), krate), "{krate}");
        }
        assert!(!may_contain_crate(folder.path(), "consumer"));
        fs::write(folder.path().join("Cargo.toml"), "[workspace]").unwrap();
        assert!(!may_contain_crate(folder.path(), "shop"), "a workspace is not a crate");
    }
}
