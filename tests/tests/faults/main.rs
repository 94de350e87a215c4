//! The whole bus under killed processes, failing receivers, clock changes and a full disk.
//!
//! Each run starts processes (`fault_peer`) on one file, disturbs them and lets them finish. Then
//! [`events_tests::faults::check`] compares acknowledged with handled events. `cargo test` runs a small version
//! without [`prepared`]; `tests/run faults` runs all in full size, by the variables of [`scale`].

mod kills;
mod prepared;
mod receivers;
mod scale;
mod sharing;

use events_tests::faults::Settings;

/// The usual settings.
fn settings() -> Settings {
    Settings::new(env!("CARGO_BIN_EXE_fault_peer"))
}
