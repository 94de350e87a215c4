//! Points in time that lie so far ahead as a program says, which may be farther than a clock reaches.

use std::time::Duration;

/// Stands for what passes the range of a clock: a century, that no process waits for.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The time so long after another one; a century after it at most.
pub trait Later: Sized + Copy {
    /// The time after this duration.
    #[must_use]
    fn later(self, after: Duration) -> Self;
}

impl Later for std::time::Instant {
    fn later(self, after: Duration) -> Self {
        self + after.min(CENTURY)
    }
}

impl Later for tokio::time::Instant {
    fn later(self, after: Duration) -> Self {
        self + after.min(CENTURY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_found_after_any_duration() {
        for after in [Duration::ZERO, Duration::from_secs(1), Duration::MAX] {
            let now = std::time::Instant::now();
            assert!(now.later(after) >= now);
            {
                let now = tokio::time::Instant::now();
                assert!(now.later(after) >= now);
            }
        }
    }
}
