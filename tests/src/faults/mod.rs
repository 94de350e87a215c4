//! The traces of a run with faults, and a check of them against the promises of the bus.
//!
//! Producers report each acknowledged event. Consumers log each event before their receiver returns, all
//! members of a group to one file, so that its lines are in the group's order. [`check`] compares the two
//! without using the bus.

mod check;
mod record;
#[cfg(test)]
mod tests;

pub use check::{Cause, Verdict, check};
pub use record::{Acked, Dead, End, Group, Handling, Run};
