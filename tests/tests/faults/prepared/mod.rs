//! Runs that need a machine prepared by `tests/run faults`.
//!
//! `tests/run rust` filters this module out by its name, so that it is not counted as ignored.

mod clock;
mod full_disk;
