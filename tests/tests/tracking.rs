//! The next `cargo check` sees an edited, added or removed schema, without `cargo clean`.
//!
//! The checked crate and its dependencies are below the target directory; the dependencies are built once.
//! Nothing is downloaded.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

const EVENT: &str = "org.acme.tracking.order.placed.v1";
const SOURCE: &str = r#"
//! One event.

/// A customer placed an order.
#[derive(Debug, Clone, PartialEq, events_runtime::PublicSignal)]
#[public_signal(event_type = "org.acme.tracking.order.placed.v1")]
pub struct OrderPlaced {
    /// The order's number.
    pub number: i64,
}
"#;
const PUBLISHED: &str = r#"{"type": "record", "name": "OrderPlaced",
    "namespace": "org.acme.tracking.order.placed.v1", "fields": [{"name": "number", "type": "long"}]}"#;

/// A crate that is checked repeatedly.
struct Scratch {
    folder: PathBuf,
    /// Written after each check. Cargo compares times: the next file must be newer, and some file systems
    /// have a resolution of seconds. A time in the future would make cargo build every time.
    mark: PathBuf,
}

impl Scratch {
    fn new() -> Self {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tracking/crate");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let scratch = Self { mark: folder.with_file_name("mark"), folder };
        fs::write(&scratch.mark, "").unwrap();
        let runtime = workspace.join("events-runtime");
        let manifest = format!(
            "[package]\nname = 'tracked'\nedition = '2024'\n[workspace]\n[dependencies]\n\
             events-runtime = {{ path = '{}', default-features = false }}\n",
            runtime.display()
        );
        scratch.write("Cargo.toml", &manifest);
        scratch.write("src/lib.rs", SOURCE);
        // The workspace's dependency versions.
        fs::copy(workspace.join("Cargo.lock"), scratch.folder.join("Cargo.lock")).unwrap();
        scratch
    }

    /// Writes a file, later than the last check.
    fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        loop {
            fs::write(&path, text).unwrap();
            if time(&path) > time(&self.mark) {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn publish(&self, minor: u32, text: &str) {
        self.write(&format!("schemas/{EVENT}/{minor}.avsc"), text);
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.folder.join(path)).unwrap();
    }

    fn retract(&self, minor: u32) {
        self.remove(&format!("schemas/{EVENT}/{minor}.avsc"));
    }

    /// The compiler's errors; empty if there are none.
    fn check(&self) -> Result<(), String> {
        let output = Command::new(env!("CARGO"))
            .args(["check", "--offline", "--quiet", "--color=never"])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", self.folder.with_file_name("target"))
            .output()
            .unwrap();
        fs::write(&self.mark, "").unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        if output.status.success() { Ok(()) } else { Err(said) }
    }

    #[track_caller]
    fn passes(&self) {
        if let Err(said) = self.check() {
            panic!("{said}");
        }
    }

    #[track_caller]
    fn breaks(&self, what: &str) {
        match self.check() {
            Err(said) => {
                assert!(said.contains("this breaks published versions") && said.contains(what), "{said}");
            }
            Ok(()) => panic!("the change was not seen"),
        }
    }
}

/// The build script that `schema lock` writes.
fn build_script() -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("tests/src/bin")).unwrap();
    fs::write(folder.path().join("tests/Cargo.toml"), "[package]").unwrap();
    let source = include_str!("../src/bin/shop_cli.rs");
    fs::write(folder.path().join("tests/src/bin/shop_cli.rs"), source).unwrap();
    let mut lock = Command::new(env!("CARGO_BIN_EXE_shop_cli"));
    let output = lock.args(["schema", "lock"]).current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    fs::read_to_string(folder.path().join("tests/build.rs")).unwrap()
}

// One test: the steps depend on each other, and two cargo processes would block each other.
#[test]
fn edited_added_and_removed_schemas_are_seen_by_the_next_check() {
    let build_script = build_script();
    let scratch = Scratch::new();
    let (text, gone) = (
        PUBLISHED.replace("\"long\"", "\"string\""),
        PUBLISHED.replace(
            "{\"name\": \"number\"",
            "{\"name\": \"customer\", \"type\": \"string\"}, {\"name\": \"number\"",
        ),
    );

    // Nothing is published, then all at once, as the first `schema lock` does.
    scratch.passes();
    scratch.write("build.rs", &build_script);
    scratch.publish(0, &text);
    scratch.breaks("`number` was a `string` and is a `long`");

    // Edited.
    scratch.publish(0, PUBLISHED);
    scratch.passes();
    scratch.publish(0, &gone);
    scratch.breaks("`customer`, a `string`, is removed");
    scratch.publish(0, PUBLISHED);
    scratch.passes();

    // Added, removed.
    scratch.publish(1, &text);
    scratch.breaks("`number` was a `string` and is a `long`");
    scratch.retract(1);
    scratch.passes();

    // A folder whose last file is removed; then the first one again.
    scratch.retract(0);
    scratch.passes();
    scratch.publish(0, &gone);
    scratch.breaks("`customer`, a `string`, is removed");
    scratch.publish(0, PUBLISHED);
    scratch.passes();

    // The reason for the build script: without it, cargo sees an edited file but not an added one.
    scratch.remove("build.rs");
    // Cargo takes the earlier build, from before the build script, for fresh.
    scratch.write("src/lib.rs", SOURCE);
    scratch.passes();
    scratch.publish(1, &text);
    scratch.passes();
    scratch.publish(0, &gone);
    scratch.breaks("`customer`, a `string`, is removed");
}
