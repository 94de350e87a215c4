//! The command line of the shop's events.
#![forbid(unsafe_code)]
#![deny(warnings, clippy::pedantic)]

use std::process::ExitCode;

events_runtime::link!(outside);

fn main() -> ExitCode {
    events_runtime::cli::run()
}
