//! Runs a test with many seeds, and minimizes the faults of a failure.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Faults, History, Sim};

/// The failure of a simulated test.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The faults. [`find`] and [`check`] remove the kinds that the failure does not need.
    pub faults: Faults,
    /// The panic message of the test.
    pub message: String,
    /// The steps until the failure.
    pub history: History,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, faults, message, history } = self;
        writeln!(f, "the test fails with seed {seed} and {faults}: {message}\nhistory:")?;
        for step in history.steps() {
            writeln!(f, "  {step}")?;
        }
        write!(f, "to reproduce it: sim::check([{seed}], {faults}, …)")
    }
}

impl std::error::Error for Failure {}

/// Runs a test once for each seed.
///
/// # Panics
/// If the test fails, with the first [`Failure`]: the seed, the minimized faults and the history.
#[track_caller]
pub fn check(seeds: impl IntoIterator<Item = u64>, faults: Faults, test: impl AsyncFn(&Sim)) {
    if let Some(failure) = find(seeds, faults, test) {
        panic!("{failure}");
    }
}

/// Returns the first failure, with minimized faults.
// Takes closures by value, so that callers can write them inline.
#[allow(clippy::needless_pass_by_value)]
pub fn find(
    seeds: impl IntoIterator<Item = u64>,
    faults: Faults,
    test: impl AsyncFn(&Sim),
) -> Option<Failure> {
    let failure = seeds.into_iter().find_map(|seed| run(seed, faults, &test).err())?;
    Some(shrink(*failure, &test))
}

/// Runs a test with one seed, on its own runtime with a paused clock.
///
/// # Errors
/// The [`Failure`], if the test panicked.
// Takes closures by value, so that callers can write them inline.
#[allow(clippy::needless_pass_by_value)]
pub fn run(seed: u64, faults: Faults, test: impl AsyncFn(&Sim)) -> Result<History, Box<Failure>> {
    // The bus draws its random backoffs from the thread's generator.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs no system resources");
    let sim = Sim::new(seed, faults);
    let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(test(&sim))));
    let history = sim.history();
    match result {
        Ok(()) => Ok(history),
        Err(panic) => Err(Box::new(Failure { seed, faults, message: message(&*panic), history })),
    }
}

/// Removes each kind of fault without which the test still fails.
fn shrink(mut failure: Failure, test: &impl AsyncFn(&Sim)) -> Failure {
    for fault in failure.faults.kinds().collect::<Vec<_>>() {
        if let Err(smaller) = run(failure.seed, failure.faults.with(fault, 0.0), test) {
            failure = *smaller;
        }
    }
    failure
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "the test panicked without a message".to_owned())
}
