//! Support for the tests: sample types, schema pairs, checks of fault runs, and small helpers.

pub mod faults;
pub mod gate;
pub mod inbox;
pub mod log;
pub mod openedx;
pub mod pairs;
pub mod sample_types;
pub mod sandbox;
pub mod spans;

use std::error::Error;

pub use events_runtime::conformance;
pub use events_runtime::testing::conformance::{self, over, until, values};

/// An error and the errors behind it, joined by colons.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
