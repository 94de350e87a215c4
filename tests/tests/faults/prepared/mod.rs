//! Runs on a machine that is prepared for them, by `tests/run faults`.
//!
//! `tests/run rust` skips this module by its name: what is not run there is not counted there.

mod clock;
mod full_disk;
