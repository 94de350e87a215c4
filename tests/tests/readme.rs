//! The README's table of guarantees names tests and files, all of which exist.

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
fn every_guarantee_of_the_readme_names_a_proof_that_is_there() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let (_, rest) = readme.split_once("## Guarantees").expect("the guarantees");
    let (table, _) = rest.split_once("\n## ").expect("what follows them");
    let mut tests = String::new();
    for folder in
        ["tests/src", "tests/tests", "tests/servers", "tests/catalogue", "examples", "events-runtime/src"]
    {
        sources(&root().join(folder), &mut tests);
    }
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
                path if is_path => [root().join(path), root().join("events-runtime/src").join(path)]
                    .iter()
                    .any(|path| path.exists()),
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
    assert!(missing.is_empty(), "named in the README and not there: {missing:#?}");
}
