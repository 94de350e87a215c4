//! Pairs of schemas for a comparison with other implementations: one generated from a seed, one changed
//! from it.
//!
//! ```text
//! generate ▶ mutate ▶ Pair ▶ ours (the const check)       ┐
//!                          ▶ another implementation       ├ one verdict, or a known deviation
//!                          ▶ rules (with its deviations)  ┘
//! ```

mod deviations;
mod generate;
mod graph;
mod mutate;
mod ours;
mod rules;
mod shrink;
mod sketch;
mod tree;

use fastrand::Rng;

pub use deviations::{Deviation, Judge};
use generate::Style;
use graph::Graph;
pub use mutate::Mutation;
pub use ours::ours;
pub use shrink::shrink;
pub use sketch::Sketch;
pub use tree::tree;

/// The number of pairs.
pub const COUNT: usize = 6_000;

/// The seed of all pairs.
pub const SEED: u64 = 1;

/// Two schemas of one kind of data.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The reader's schema.
    pub reader: Sketch,
    /// The writer's schema.
    pub writer: Sketch,
    /// The changes from one to the other.
    pub mutations: Vec<Mutation>,
}

/// Generates pairs; the same seed gives the same pairs.
pub fn pairs(seed: u64) -> impl Iterator<Item = Pair> {
    let mut rng = Rng::with_seed(seed);
    std::iter::from_fn(move || Some(pair(&mut rng)))
}

fn pair(rng: &mut Rng) -> Pair {
    let style = if rng.usize(..5) < 3 { Style::Definition } else { Style::Foreign };
    let first = loop {
        let mut sketch = generate::sketch(rng, style);
        style.settle(&mut sketch);
        if sketch.is_sound() {
            break sketch;
        }
    };
    let (mut second, mut mutations) = (first.clone(), Vec::new());
    let wanted = [0, 1, 1, 1, 1, 2, 2, 2, 3, 4][rng.usize(..10)];
    while mutations.len() < wanted {
        let mutation = mutate::ALL[rng.usize(..mutate::ALL.len())];
        if let Some(mut changed) = mutation.apply(&second, rng, style) {
            style.settle(&mut changed);
            second = changed;
            mutations.push(mutation);
        }
    }
    let (reader, writer) = if rng.bool() { (first, second) } else { (second, first) };
    Pair { reader, writer, mutations }
}

impl Pair {
    /// The verdict of the rules with some deviations.
    #[must_use]
    pub fn reads(&self, deviations: &[Deviation]) -> bool {
        if deviations.contains(&Deviation::ItselfNeedsNoRules)
            && self.reader.bare_json() == self.writer.bare_json()
        {
            return true;
        }
        rules::reads(&Graph::new(&self.reader), &Graph::new(&self.writer), deviations)
    }

    /// The fewest deviations that change the verdict to that of all deviations; none if all together do not
    /// change it.
    #[must_use]
    pub fn reasons(&self, deviations: &[Deviation]) -> Vec<Deviation> {
        let (plain, theirs) = (self.reads(&[]), self.reads(deviations));
        if plain == theirs {
            return Vec::new();
        }
        let mut subsets: Vec<Vec<Deviation>> = (1..1_usize << deviations.len())
            .map(|bits| {
                (0..deviations.len()).filter(|bit| bits >> bit & 1 == 1).map(|bit| deviations[bit]).collect()
            })
            .collect();
        subsets.sort_by_key(Vec::len);
        subsets.into_iter().find(|subset| self.reads(subset) == theirs).unwrap_or_default()
    }
}
