//! Random choices, derived from the seed.

use std::time::Duration;

use fastrand::Rng;

use super::{Fault, Faults};

/// A generator for each kind of fault: removing a kind from the plan does not change the numbers of the
/// others, so that a failure can be minimized.
pub(super) struct Dice {
    faults: Faults,
    generators: [Rng; Fault::ALL.len()],
}

impl Dice {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        let generators = Fault::ALL.map(|fault| {
            // Similar seeds and kinds must not give similar sequences.
            let mut seeded = Rng::with_seed(seed ^ ((fault as u64 + 1) << 56));
            seeded.fork()
        });
        Self { faults, generators }
    }

    /// Whether a fault occurs now.
    pub(super) fn occurs(&mut self, fault: Fault) -> bool {
        let probability = self.faults.of(fault);
        // A kind that is not in the plan draws no number.
        probability > 0.0 && self.of(fault).f64() < probability
    }

    /// Chooses one of this many cases of a fault, from 0.
    pub(super) fn case(&mut self, fault: Fault, cases: usize) -> usize {
        self.of(fault).usize(..cases)
    }

    /// Chooses a delay, in whole milliseconds, the resolution of timers.
    pub(super) fn pause(&mut self, fault: Fault) -> Duration {
        let longest = u64::try_from(self.faults.longest_delay.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.of(fault).u64(..=longest))
    }

    fn of(&mut self, fault: Fault) -> &mut Rng {
        // There is a generator for each kind.
        #[allow(clippy::indexing_slicing)]
        &mut self.generators[fault as usize]
    }
}
