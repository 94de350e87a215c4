//! The tests and files that `docs/guarantees.md` names exist, and so do the files that the README links to.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The text of every Rust file below a folder.
fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&fs::read_to_string(&path).expect("text"));
        }
    }
}

/// The texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_guarantee_names_a_test_that_exists() {
    let page = fs::read_to_string(root().join("docs/guarantees.md")).expect("the guarantees");
    let mut tests = String::new();
    for folder in
        ["tests/src", "tests/tests", "tests/servers", "tests/catalogue", "examples", "events-runtime"]
    {
        sources(&root().join(folder), &mut tests);
    }
    // Sections below the table have tables of their own.
    let table = page.split("\n## ").next().expect("the table");
    let rows: Vec<_> =
        table.lines().filter(|line| line.starts_with("| ") && !line.contains("Shown by")).collect();
    assert!(rows.len() > 30, "{} rows", rows.len());
    let mut missing = Vec::new();
    for row in &rows {
        let proofs = row.trim_end_matches(['|', ' ']).rsplit_once("| ").expect("columns").1;
        let mut named = 0;
        for proof in quoted(proofs) {
            let is_path = proof.contains('/') && !proof.contains(' ');
            let is_there = match proof {
                path if is_path => root().join(path).exists(),
                "tests/run faults" => root().join("tests/run").exists(),
                module if tests.contains(&format!("conformance!({module},")) => true,
                test => tests.contains(&format!("fn {test}(")),
            };
            named += 1;
            if !is_there {
                missing.push(proof);
            }
        }
        assert!(named > 0, "no proof is named: {row}");
    }
    assert!(missing.is_empty(), "named in docs/guarantees.md and not there: {missing:#?}");
}

/// The targets of inline links `[…](…)` and of link definitions `[…]: …` that are files.
fn linked_files(text: &str) -> Vec<&str> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let defined = text
        .lines()
        .filter(|line| line.starts_with('['))
        .filter_map(|line| line.split_once("]: "))
        .map(|(_, target)| target);
    inline
        .chain(defined)
        .filter(|target| !target.starts_with("http"))
        .map(|target| target.split('#').next().unwrap_or(target))
        .filter(|target| !target.is_empty())
        .collect()
}

#[test]
fn every_link_of_the_pages_leads_to_a_file() {
    let mut pages = vec!["README.md".into(), "CONTRIBUTING.md".into(), "CHANGELOG.md".into()];
    for folder in ["docs", "docs/decisions"] {
        for entry in fs::read_dir(root().join(folder)).expect("a folder") {
            let name = entry.expect("an entry").file_name().into_string().expect("text");
            if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
                pages.push(format!("{folder}/{name}"));
            }
        }
    }
    let mut missing = Vec::new();
    for page in &pages {
        let path = root().join(page);
        let text = fs::read_to_string(&path).expect("a page");
        for target in linked_files(&text) {
            if !path.parent().expect("a folder").join(target).exists() {
                missing.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(missing.is_empty(), "linked and not there: {missing:#?}");
}
