//! Durations that a clock can represent.

use std::time::Duration;

/// The longest duration to add to an `Instant`: a century. A longer one may exceed the range of the clock.
pub const MAX_WAIT: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
