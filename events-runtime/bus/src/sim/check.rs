//! Running a test under many seeds, and finding the smallest plan that makes it fail.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Faults, History, Sim};

/// A test that failed under a simulation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The plan, without the kinds of faults that it also fails without.
    pub faults: Faults,
    /// What the test's panic said.
    pub message: String,
    /// What happened until then.
    pub history: History,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, faults, message, history } = self;
        writeln!(f, "the test fails with seed {seed} and {faults}: {message}\nhistory:")?;
        for step in history.steps() {
            writeln!(f, "  {step}")?;
        }
        write!(f, "to see it alone: sim::check([{seed}], {faults}, …)")
    }
}

impl std::error::Error for Failure {}

/// Runs a test once for each seed.
///
/// # Panics
/// With the first [`Failure`]: the seed, the smallest plan that still fails, and the history.
#[track_caller]
pub fn check(seeds: impl IntoIterator<Item = u64>, faults: Faults, test: impl AsyncFn(&Sim)) {
    if let Some(failure) = find(seeds, faults, test) {
        panic!("{failure}");
    }
}

/// The first seed's failure, where there is one.
// A closure stands in the call itself.
#[allow(clippy::needless_pass_by_value)]
pub fn find(
    seeds: impl IntoIterator<Item = u64>,
    faults: Faults,
    test: impl AsyncFn(&Sim),
) -> Option<Failure> {
    let failure = seeds.into_iter().find_map(|seed| run(seed, faults, &test).err())?;
    Some(shrink(*failure, &test))
}

/// Runs a test with one seed, on a runtime of its own whose clock goes forward when all wait.
///
/// # Errors
/// The [`Failure`], where the test panicked.
// A closure stands in the call itself.
#[allow(clippy::needless_pass_by_value)]
pub fn run(seed: u64, faults: Faults, test: impl AsyncFn(&Sim)) -> Result<History, Box<Failure>> {
    // The bus's pauses between attempts are random, by the thread's generator.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without input and output needs nothing of the system");
    let sim = Sim::new(seed, faults);
    let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(test(&sim))));
    let history = sim.history();
    match ended {
        Ok(()) => Ok(history),
        Err(panic) => Err(Box::new(Failure { seed, faults, message: message(&*panic), history })),
    }
}

/// Leaves out one kind of fault after the other, for as long as the test fails.
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
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}
