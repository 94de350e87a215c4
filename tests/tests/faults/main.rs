//! The whole bus while processes die, receivers fail, the clock is set and the disk is full.
//!
//! Each run starts programs (`fault_peer`) over one file, does them harm, lets them finish, and has
//! [`events_tests::faults::check`] compare what was acknowledged with what was handled. `cargo test` runs
//! them small, but for those in [`prepared`]; `tests/run faults` all, in full, by the variables in [`scale`].

mod kills;
mod peer;
mod place;
mod prepared;
mod receivers;
mod scale;
mod sharing;
mod world;
