//! The payloads, the peers and the clock of the benchmarks.
//!
//! Every contestant of a comparison runs in the same process, in short turns, so that a busy
//! machine slows all of them alike; what is reported is each one's median and the ratio.

pub mod by_hand;
pub mod clock;
pub mod earlier;
pub mod payloads;
pub mod peers;
pub mod table;
