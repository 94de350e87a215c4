//! What a run with faults left behind, and whether that keeps the promises of the bus.
//!
//! Producers tell each event that was acknowledged to them; consumers write down each event that they
//! handle before they answer for it, all members of a group into one file, so that its lines stand in the
//! order of the group. [`check`] compares the two, and knows nothing of the bus.

mod check;
mod record;
#[cfg(test)]
mod tests;

pub use check::{Cause, Verdict, check};
pub use record::{Dead, End, Group, Handling, Run, Told};
