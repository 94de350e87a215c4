//! The whole bus while processes die, receivers fail, the clock is set and the disk is full.
//!
//! Each run starts programs (`fault_peer`) over one file, does them harm, lets them finish, and has
//! [`events_tests::faults::check`] compare what was acknowledged with what was handled. `cargo test` runs
//! them small; `tests/run faults` in full, by the variables in [`scale`].

mod clock;
mod full_disk;
mod kills;
mod peer;
mod place;
mod receivers;
mod scale;
mod sharing;
mod world;
