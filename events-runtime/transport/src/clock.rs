//! Deadlines after a configured duration, which may exceed the range of a clock.

use std::time::Duration;

use events_support::clock::MAX_WAIT;

/// Adds a duration, at most [`MAX_WAIT`].
pub trait Later: Sized + Copy {
    /// The time after this duration, or after a century if that is shorter.
    #[must_use]
    fn later(self, after: Duration) -> Self;
}

impl Later for std::time::Instant {
    fn later(self, after: Duration) -> Self {
        self + after.min(MAX_WAIT)
    }
}

impl Later for tokio::time::Instant {
    fn later(self, after: Duration) -> Self {
        self + after.min(MAX_WAIT)
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
