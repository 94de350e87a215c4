//! The traces of a run with faults, and a check of them against the promises of the bus.
//!
//! Producers report each acknowledged event. Consumers log each event before their receiver returns, all
//! members of a group to one file, so that its lines are in the group's order. [`check`] compares the two
//! without using the bus.
//!
//! [`World`] starts the processes (`fault_peer`), and disturbs and ends them.

mod check;
pub mod files;
mod peer;
mod record;
mod tail;
#[cfg(test)]
mod tests;
pub mod world;

pub use check::{Cause, Verdict, check};
pub use files::Settings;
pub use record::{Acked, Dead, End, Group, Handling, Run};
pub use tail::Tail;
pub use world::World;
