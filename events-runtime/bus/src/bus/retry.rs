//! Pauses between attempts.

use std::time::Duration;

/// Exponential backoff with jitter: the n-th pause is a random time between half of `initial · 2^(n-1)` and
/// all of it, at most `max`.
///
/// Jitter spreads consumers that failed together. The lower half is kept, so that a pause is never close to
/// zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
}

impl Backoff {
    /// Pauses that start at `initial` and double with each failure, up to `max`.
    #[must_use]
    pub const fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max }
    }

    /// The first pause.
    pub(super) const fn initial(&self) -> Duration {
        self.initial
    }

    /// The longest pause.
    pub(super) const fn max(&self) -> Duration {
        self.max
    }

    /// The pause after this many failures; zero after 0.
    #[must_use]
    pub fn after(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        let full = self.initial.saturating_mul(factor).min(self.max);
        full / 2 + (full / 2).mul_f64(fastrand::f64())
    }
}

/// The pause before another attempt: the consumer's backoff, the time that a receiver asked for, or the
/// longer of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pause {
    backoff: bool,
    requested: Option<Duration>,
}

impl Pause {
    /// The consumer's backoff.
    pub(super) const BACKOFF: Self = Self { backoff: true, requested: None };

    pub(super) const fn requested(after: Duration) -> Self {
        Self { backoff: false, requested: Some(after) }
    }

    pub(super) fn longer(self, other: Self) -> Self {
        Self { backoff: self.backoff || other.backoff, requested: self.requested.max(other.requested) }
    }

    /// The duration, given the consumer's backoff.
    pub(super) fn duration(self, backoff: Duration) -> Duration {
        match self.requested {
            Some(requested) if self.backoff => requested.max(backoff),
            Some(requested) => requested,
            None => backoff,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_vary_by_half() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        assert_eq!(backoff.after(0), Duration::ZERO);
        for (failures, full) in
            [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (40, 1000), (u32::MAX, 1000)]
        {
            let full = Duration::from_millis(full);
            let pauses: Vec<_> = (0..100).map(|_| backoff.after(failures)).collect();
            assert!(pauses.iter().all(|pause| *pause >= full / 2 && *pause <= full), "{failures}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{failures}");
        }
    }
}
