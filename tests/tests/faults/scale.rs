//! The size of the runs, and what `tests/run faults` prepared on the machine.

use std::path::PathBuf;

/// Whether `tests/run faults` asks for the full size.
pub(crate) fn is_full() -> bool {
    std::env::var_os("FAULTS_FULL").is_some()
}

/// One of two sizes.
pub(crate) fn of<T>(small: T, full: T) -> T {
    if is_full() { full } else { small }
}

/// The seed of a run: `FAULTS_SEED`, or a random one, which is printed.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("FAULTS_SEED").ok();
    given.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("FAULTS_SEED is a number"))
}

/// The library that sets the clock of a program: `FAULTS_FAKETIME`.
pub(crate) fn faketime() -> PathBuf {
    prepared("FAULTS_FAKETIME")
}

/// An empty folder on a disk of a few megabytes: `FAULTS_SMALL_DISK`.
pub(crate) fn small_disk() -> PathBuf {
    prepared("FAULTS_SMALL_DISK")
}

fn prepared(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from);
    path.unwrap_or_else(|| {
        panic!("{variable} is not set: `tests/run faults` prepares the machine and sets it")
    })
}
