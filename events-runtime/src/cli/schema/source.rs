//! The source file that defines an event, found from the path that the compiler knew it by.
//!
//! The path is relative, and `src/lib.rs` is a file of many crates. So a file counts only in a crate
//! of the right name, and if the type is defined there, at the line that the compiler saw. What is
//! taken for another crate's would be published in the wrong place.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::home::Lost;

/// Where a search for sources begins.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) folder: PathBuf,
    /// Whether the user named it: then a file in it needs no search above.
    pub(super) named: bool,
}

/// What the compiler knew of a definition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Definition<'a> {
    pub(super) file: &'a str,
    /// That of the derive's name; of a definition that a macro makes, that of the macro's call.
    pub(super) line: u32,
    pub(super) rust_type: &'a str,
}

/// What a file says of a definition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The struct behind the line is the type.
    Defines,
    /// The type is defined at another line, for the file was edited since, or a macro is called at
    /// the line, which may define it.
    Unclear,
    /// Nothing of the type.
    Another,
}

impl Definition<'_> {
    /// Cargo tells the compiler the files of workspace members relative to the workspace, and those
    /// of others in full.
    pub(super) fn find(self, start: &Start) -> Result<PathBuf, Lost> {
        let own = start.folder.join(self.file);
        if Path::new(self.file).is_absolute() && own.is_file() {
            return Ok(own);
        }
        let candidates = start.folder.ancestors().map(|above| above.join(self.file));
        let candidates = candidates.map(|path| (self.verdict(&path), path));
        let candidates: Vec<_> = candidates.filter(|(verdict, _)| *verdict != Verdict::Another).collect();
        match candidates.as_slice() {
            [] => Err(self.lost(start)),
            [(_, first), ..] if start.named && *first == own => Ok(own),
            [(verdict, only)] if *verdict == Verdict::Defines || *only == own => Ok(only.clone()),
            [(_, only)] => Err(Lost::Unclear {
                rust_type: self.rust_type.to_owned(),
                place: self.place(),
                source: only.clone(),
            }),
            several => {
                let sources = several.iter().map(|(_, path)| path.clone()).collect();
                Err(Lost::Several { rust_type: self.rust_type.to_owned(), sources })
            }
        }
    }

    /// That there is no source.
    pub(super) fn lost(self, start: &Start) -> Lost {
        Lost::NoSource { place: self.place(), root: start.folder.clone() }
    }

    fn place(self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    fn verdict(self, path: &Path) -> Verdict {
        let Ok(text) = fs::read_to_string(path) else { return Verdict::Another };
        let krate = self.rust_type.split("::").next().unwrap_or_default();
        let name = self.rust_type.rsplit("::").next().unwrap_or_default();
        if !crate_of(path).is_some_and(|folder| may_be(folder, krate)) {
            return Verdict::Another;
        }
        let code = code(&text);
        let before = usize::try_from(self.line).unwrap_or(usize::MAX).saturating_sub(1);
        let from_there = || code.lines().skip(before);
        let behind = from_there().collect::<Vec<_>>().join("\n");
        if structs(&behind).next() == Some(name) {
            Verdict::Defines
        } else if structs(&code).any(|other| other == name) || from_there().next().is_some_and(calls_a_macro)
        {
            Verdict::Unclear
        } else {
            Verdict::Another
        }
    }
}

/// The folder of the crate that has a file.
pub(super) fn crate_of(source: &Path) -> Option<&Path> {
    source.ancestors().skip(1).find(|above| above.join("Cargo.toml").is_file())
}

/// Whether a target of the package in this folder may be the crate of this name: one is, or the
/// manifest does not tell.
fn may_be(folder: &Path, krate: &str) -> bool {
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

/// The name in a manifest's table.
fn name(table: &Spanned<DeValue<'_>>) -> Option<String> {
    Some(table.get_ref().as_table()?.get("name")?.get_ref().as_str()?.to_owned())
}

/// A source without its comments and texts; the lines stay.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if next == '"' {
            literal(rest, &code)
        } else {
            code.push(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
            continue;
        };
        let (over, behind) = rest.split_at(skipped);
        code.extend(over.chars().filter(|c| *c == '\n'));
        rest = behind;
    }
    code
}

/// The length of the literal that begins with a quote, behind `before`.
fn literal(text: &str, before: &str) -> usize {
    let marks = before.len() - before.trim_end_matches('#').len();
    let raw = before.trim_end_matches('#').ends_with('r');
    if before.ends_with('\'') || before.ends_with("'\\") {
        // A character.
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

/// The names of the structs that are defined in a source, in order.
fn structs(code: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices("struct").filter_map(move |(at, word)| {
        let (before, behind) = (code.get(..at)?, code.get(at + word.len()..)?);
        let named = behind.trim_start();
        if before.ends_with(is_word) || named.len() == behind.len() {
            return None;
        }
        let named = named.strip_prefix("r#").unwrap_or(named);
        named.split(|c| !is_word(c)).next().filter(|name| !name.is_empty())
    })
}

/// Whether a line has a macro's name and its `!`.
fn calls_a_macro(line: &str) -> bool {
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

    /// A package at the root with the definition, and a member that exports it again.
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

    fn find(folder: &Path, named: bool) -> Result<PathBuf, Lost> {
        let definition = Definition { file: "src/lib.rs", line: 4, rust_type: "the_shop::orders::Placed" };
        definition.find(&Start { folder: folder.to_owned(), named })
    }

    #[test]
    fn file_of_another_crate_does_not_count_whatever_it_says_of_the_type() {
        for member in ["pub use the_shop::Placed;", "orders!();", "pub struct Placed;", PLACED] {
            let workspace = workspace(member);
            let source = find(&workspace.path().join("consumer"), false).unwrap();
            assert_eq!(source, workspace.path().join("src/lib.rs"), "{member}");
        }
    }

    /// The name of a package may be that of another's target.
    #[test]
    fn file_of_a_crate_of_the_same_name_counts_only_where_it_defines_the_type() {
        for (member, counts) in
            [("pub use the_shop::Placed;", false), ("struct Placed2;", false), ("struct Placed;", true)]
        {
            let workspace = workspace(member);
            let consumer = workspace.path().join("consumer");
            fs::write(consumer.join("Cargo.toml"), "[package]\nname = 'consumer'\n[lib]\nname = 'the_shop'")
                .unwrap();
            let found = find(&consumer, false);
            if !counts {
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
    fn definition_that_a_macro_makes_counts_where_the_search_begins() {
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
    fn crate_may_be_any_target_of_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = "[package]\nname = 'shop'\n[lib]\nname = 'core'\n[[bin]]\nname = 'shop-admin'";
        fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
        fs::create_dir_all(folder.path().join("tests/whole")).unwrap();
        fs::create_dir_all(folder.path().join("src/bin")).unwrap();
        fs::write(folder.path().join("src/bin/shop-cli.rs"), "").unwrap();
        for krate in ["shop", "core", "shop_admin", "whole", "shop_cli"] {
            assert!(may_be(folder.path(), krate), "{krate}");
        }
        assert!(!may_be(folder.path(), "consumer"));
        fs::write(folder.path().join("Cargo.toml"), "[workspace]").unwrap();
        assert!(!may_be(folder.path(), "shop"), "a workspace is no crate");
    }
}
