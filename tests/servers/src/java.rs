//! Programs that run on Java, and what is prepared for them once in the folder `.tests` of the repository.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program;

/// Starts in half the time: one compiler, one collector, no optimization for the long run.
const QUICK: [&str; 3] = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms64m"];

/// A folder of `.tests` that `tests/run` fills.
///
/// # Panics
/// If it is missing.
#[must_use]
pub(crate) fn installed(name: &str, file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tests").join(name);
    assert!(
        folder.join(file).exists(),
        "`.tests/{name}` is missing: run `tests/run kafka`, which installs Kafka and the schema registry"
    );
    folder.canonicalize().expect("the folder exists")
}

/// Creates `folder/name` by `make` unless it exists. Concurrent tests wait for the first.
pub(crate) fn once(folder: &Path, name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let (finished, unfinished) = (folder.join(name), folder.join(format!("{name}.unfinished")));
    let lock = File::create(folder.join("lock")).expect("a lock file");
    lock.lock().expect("a lock");
    if !finished.exists() {
        if unfinished.is_dir() {
            fs::remove_dir_all(&unfinished).expect("the rest of an interrupted run is removed");
        }
        make(&unfinished);
        fs::rename(&unfinished, &finished).unwrap_or_else(|error| panic!("`{name}` was not made: {error}"));
    }
    finished
}

/// The command `java` with the options of a quick start, and a heap of at most `megabytes`.
pub(crate) fn java(megabytes: u32) -> Command {
    let mut command = Command::new(program("java", &["/usr/bin"]));
    command.args(QUICK).arg(format!("-Xmx{megabytes}m"));
    command
}

/// Runs a command to its end.
///
/// # Panics
/// If it fails.
pub(crate) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not run: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
