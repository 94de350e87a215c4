//! The payloads, the peers and the clock of the benchmarks.
//!
//! All contestants of a comparison run in the same process, in short turns, so that a busy machine slows all
//! equally. The report has the median of each and the ratio.

pub mod by_hand;
pub mod clock;
pub mod earlier;
pub mod payloads;
pub mod peers;
pub mod table;
