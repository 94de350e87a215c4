//! Tools for testing programs that emit and receive events.

pub use events_core::testing::*;

#[cfg(feature = "sim")]
pub mod sim;
