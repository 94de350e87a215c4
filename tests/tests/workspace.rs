//! The crates of the workspace: which crate depends on which, and what a checkout contains.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The published crates, and for each the crates of this workspace that it may depend on. Arrows
/// point down only; CONTRIBUTING.md explains them.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("events-support", &[]),
    ("events-schema", &[]),
    ("events-macros", &["events-schema"]),
    ("events-core", &["events-support", "events-schema", "events-macros"]),
    ("events-transport", &["events-support"]),
    ("events-transport-sqlite", &["events-support", "events-transport"]),
    ("events-transport-redis", &["events-support", "events-transport"]),
    ("events-schema-registry", &["events-support"]),
    (
        "events-transport-kafka",
        &["events-support", "events-schema", "events-core", "events-schema-registry", "events-transport"],
    ),
    ("events-bus", &["events-support", "events-schema", "events-core", "events-transport"]),
    ("events-cli", &["events-support", "events-schema", "events-core", "events-transport", "events-bus"]),
    (
        "events-runtime",
        &[
            "events-support",
            "events-schema",
            "events-macros",
            "events-core",
            "events-transport",
            "events-transport-sqlite",
            "events-transport-redis",
            "events-transport-kafka",
            "events-schema-registry",
            "events-bus",
            "events-cli",
        ],
    ),
];

/// Published crates that must build without an async runtime and without a database, with the options of
/// that build.
const RUNTIME_FREE: [(&str, &[&str]); 5] = [
    ("events-support", &[]),
    ("events-schema", &[]),
    ("events-macros", &[]),
    ("events-core", &[]),
    ("events-runtime", &["--no-default-features"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}

/// The packages of the workspace, by name.
fn packages() -> BTreeMap<String, Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().map(|package| (text(&package["name"]).to_owned(), package.clone())).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn is_published(package: &Value) -> bool {
    // `publish = false` is an empty list of registries.
    package["publish"].as_array().is_none_or(|registries| !registries.is_empty())
}

/// The names of a package's dependencies; development dependencies are not part of what users build.
fn dependencies(package: &Value) -> BTreeSet<&str> {
    let dependencies = package["dependencies"].as_array().expect("dependencies");
    let built = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
    built.map(|dependency| text(&dependency["name"])).collect()
}

#[test]
fn dependencies_between_the_crates_point_down_only() {
    let packages = packages();
    let allowed = BTreeMap::from(ALLOWED);
    let mut errors = Vec::new();
    for (name, package) in &packages {
        let ours: Vec<_> =
            dependencies(package).into_iter().filter(|name| packages.contains_key(*name)).collect();
        if !is_published(package) {
            continue;
        }
        let Some(allowed) = allowed.get(name.as_str()) else {
            errors.push(format!("`{name}` is not listed in `ALLOWED`"));
            continue;
        };
        for dependency in ours {
            if !allowed.contains(&dependency) {
                errors.push(format!("`{name}` must not depend on `{dependency}`"));
            }
        }
    }
    assert!(errors.is_empty(), "{errors:#?}");
}

/// A crate that forbids an arrow must not get it through a crate in between.
#[test]
fn the_table_of_allowed_dependencies_has_no_cycle() {
    for (index, (name, below)) in ALLOWED.iter().enumerate() {
        for dependency in *below {
            let position = ALLOWED.iter().position(|(name, _)| name == dependency);
            assert!(
                position.is_some_and(|position| position < index),
                "`{dependency}` is not listed above `{name}`"
            );
        }
    }
}

#[test]
fn no_published_crate_depends_on_an_unpublished_one() {
    let packages = packages();
    for (name, package) in packages.iter().filter(|(_, package)| is_published(package)) {
        for dependency in dependencies(package) {
            let unpublished = packages.get(dependency).is_some_and(|package| !is_published(package));
            assert!(!unpublished, "`{name}` depends on `{dependency}`, which has `publish = false`");
        }
    }
}

#[test]
fn definitions_and_signals_need_neither_tokio_nor_sqlite() {
    let packages = packages();
    for (name, options) in RUNTIME_FREE.into_iter().filter(|(name, _)| packages.contains_key(*name)) {
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--package", name])
            .args(options)
            .args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
            .current_dir(root())
            .output()
            .expect("cargo tree starts");
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        let tree = String::from_utf8(tree.stdout).expect("names");
        let names: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        assert!(names.contains(name), "{tree}");
        for heavy in ["tokio", "rusqlite", "libsqlite3-sys"] {
            assert!(!names.contains(heavy), "`{name}` depends on `{heavy}`");
        }
    }
}

/// A checkout on Windows turns a symbolic link into a text file.
#[test]
fn no_symbolic_link_is_tracked() {
    let files = Command::new("git").args(["ls-files", "--stage"]).current_dir(root()).output();
    let Some(files) = files.ok().filter(|files| files.status.success()) else {
        println!("!! SKIPPED: no symbolic link is tracked\n!! because this is no git checkout");
        return;
    };
    let files = String::from_utf8(files.stdout).expect("paths");
    let links: Vec<_> = files.lines().filter(|line| line.starts_with("120000 ")).collect();
    assert!(links.is_empty(), "tracked symbolic links: {links:#?}");
}

#[test]
fn every_crate_inherits_the_workspace_lints_and_compiler_version() {
    for (name, package) in packages() {
        let manifest = std::fs::read_to_string(PathBuf::from(text(&package["manifest_path"])));
        let manifest = manifest.expect("a manifest");
        for line in ["rust-version.workspace = true", "[lints]\nworkspace = true"] {
            assert!(manifest.contains(line), "the manifest of `{name}` lacks `{line}`");
        }
    }
}
