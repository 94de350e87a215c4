//! All the chance there is: numbers that follow from the seed.

use std::time::Duration;

use fastrand::Rng;

use super::{Fault, Faults};

/// A sequence of numbers for each kind of fault, so that a plan without one kind leaves the
/// others' numbers as they were: a failure with fewer faults is found by leaving kinds out.
pub(super) struct Dice {
    faults: Faults,
    rolls: [Rng; Fault::ALL.len()],
}

impl Dice {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        let rolls = Fault::ALL.map(|fault| {
            // Neighbouring seeds and kinds must not give neighbouring sequences.
            let mut mixed = Rng::with_seed(seed ^ ((fault as u64 + 1) << 56));
            mixed.fork()
        });
        Self { faults, rolls }
    }

    /// Whether a fault strikes here.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        let probability = self.faults.of(fault);
        // No number is taken from a sequence that is out of the plan.
        probability > 0.0 && self.of(fault).f64() < probability
    }

    /// One of so many cases of a fault, from 0.
    pub(super) fn case(&mut self, fault: Fault, cases: usize) -> usize {
        self.of(fault).usize(..cases)
    }

    /// How long something of this fault takes, in whole milliseconds, which is what timers keep.
    pub(super) fn pause(&mut self, fault: Fault) -> Duration {
        let longest = u64::try_from(self.faults.longest_delay.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.of(fault).u64(..=longest))
    }

    fn of(&mut self, fault: Fault) -> &mut Rng {
        // As many as there are kinds.
        #[allow(clippy::indexing_slicing)]
        &mut self.rolls[fault as usize]
    }
}
