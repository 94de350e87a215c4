//! Adds any duration to a time, even one beyond the range of the clock.

use std::time::Duration;

/// Replaces longer durations, which may exceed the range of the clock. No process waits for a century.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Addition of a duration that can't overflow.
pub trait Later: Sized + Copy {
    /// The time after this duration, or after a century if that is shorter.
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
    fn any_duration_can_be_added() {
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
