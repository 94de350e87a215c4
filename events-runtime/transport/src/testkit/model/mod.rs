//! Executable models of what every transport implements in its own way, and generated histories that compare a
//! transport with them.
//!
//! | model | of |
//! |---|---|
//! | [`Cursor`] | a group's progress: an offset, and exceptions for what is in flight or waits |
//! | [`Poison`] | the attempts of a message whose members are lost, and when it is isolated |
//! | [`DeadLetter`] | the two steps of a move between a topic and its dead letters |
//!
//! The models have no I/O and no clock. They accept or refuse what a transport did, since a transport may choose
//! among the messages that are due. Time is compared in one direction only: nothing is delivered before it is due.
//!
//! A failing history is shortened and printed with its seed. `CONFORMANCE_HISTORIES` sets the number of histories,
//! `CONFORMANCE_SEED` the first seed.

mod cursor;
mod dead_letter;
mod history;
mod poison;
#[cfg(test)]
mod tests;
mod world;

use std::fmt::Debug;
use std::pin::Pin;
use std::task::Poll;

pub use cursor::{Cursor, Exception};
pub use dead_letter::{DeadLetter, Steps};
pub use history::{How, Op, Subject, generate, shrink};
pub use poison::Poison;

use self::world::{Failure, World, open};
use super::{Fixture, can};

/// The most trials to shorten a failing history.
const TRIALS: usize = 200;

/// Messages that are sent, received, settled, moved and trimmed at random are delivered as the model says, and so
/// are the counts of the group.
pub async fn generated_histories_match_the_model(fixture: &dyn Fixture) {
    let steps = if fixture.patience() > 1 { 25 } else { 60 };
    compare(fixture, Subject::Cursor { steps }).await;
}

/// Members that are lost at random cost the attempts that the model says, and candidates are isolated.
pub async fn poison_candidates_match_the_model(fixture: &dyn Fixture) {
    let transport = open(fixture);
    if can(&*transport, "poison_candidates_match_the_model", |can| can.isolates && can.takeover) {
        let rounds = if fixture.patience() > 1 { 3 } else { 5 };
        compare(fixture, Subject::Poison { rounds }).await;
    }
}

async fn compare(fixture: &dyn Fixture, subject: Subject) {
    check(
        histories(fixture),
        |seed| generate(subject, seed),
        async |history| run(fixture, subject, history).await,
    )
    .await;
}

/// The number of histories: `CONFORMANCE_HISTORIES`, or 8, or 2 on a store that is disturbed on purpose.
#[must_use]
pub fn histories(fixture: &dyn Fixture) -> u64 {
    let default = if fixture.patience() > 1 { 2 } else { 8 };
    number("CONFORMANCE_HISTORIES").unwrap_or(default)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Generates and runs histories, at most eight at the same time. `run` returns what differs from the model.
///
/// # Panics
/// If a history fails, with its seed and its shortest failing part.
pub async fn check<O: Clone + Debug>(
    count: u64,
    generate: impl Fn(u64) -> Vec<O>,
    run: impl AsyncFn(&[O]) -> Option<String>,
) {
    let first = number("CONFORMANCE_SEED").unwrap_or(1);
    let seeds: Vec<u64> = (first..first + count).collect();
    for some in seeds.chunks(8) {
        let runs = some.iter().map(|seed| {
            let (history, run) = (generate(*seed), &run);
            async move {
                let error = run(&history).await?;
                Some((*seed, history, error))
            }
        });
        let Some((seed, history, error)) = all(runs).await.into_iter().flatten().next() else { continue };
        // To shorten it takes minutes on a slow store.
        println!("the history of CONFORMANCE_SEED={seed} fails, and is shortened: {error}");
        let (shortest, error) = shrink(history, error, TRIALS, &run).await;
        let steps: Vec<_> = shortest.iter().map(|op| format!("    {op:?}")).collect();
        panic!("the history of CONFORMANCE_SEED={seed} fails: {error}\n{}", steps.join("\n"));
    }
}

/// Runs one history on a topic of its own. Returns what differs from the model.
async fn run(fixture: &dyn Fixture, subject: Subject, history: &[Op]) -> Option<String> {
    // A round must end before its leases do; on a busy machine, that needs longer leases.
    for factor in [1, 2, 4, 8] {
        match World::run(fixture, subject, history, factor).await {
            Ok(()) => return None,
            Err(Failure::Differs(error)) => return Some(error),
            Err(Failure::TooSlow) => {}
        }
    }
    println!("a history was not compared: the machine is too slow for its leases");
    None
}

/// Waits for all futures, which run at the same time.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    let mut results: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                *result = Some(output);
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}
