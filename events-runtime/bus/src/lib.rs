//! The event bus; depend on `events-runtime`, which exports this.
//!
//! The modules stand in the order of the line: out of the process, and back in.

pub mod bus;
pub mod envelope;

pub mod config;
pub mod inbox;
#[cfg(feature = "sim")]
pub mod sim;
pub mod testing;
#[cfg(feature = "testkit")]
pub mod testkit;
