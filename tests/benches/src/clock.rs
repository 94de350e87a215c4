//! Measures contestants in turns: the time of each per call, as the median of many short batches.

use std::time::{Duration, Instant};

/// The approximate duration of a contestant's turn.
const TURN: Duration = Duration::from_micros(200);

/// One contestant: a name and the call to measure.
pub struct Contestant<'a> {
    name: &'static str,
    call: Box<dyn FnMut(u32) + 'a>,
    calls_per_turn: u32,
    turns: Vec<f64>,
}

impl std::fmt::Debug for Contestant<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contestant").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a> Contestant<'a> {
    /// A contestant whose `call` is measured. The loop around `call` is compiled into this
    /// function, once per contestant, so that the figure includes no call through a pointer.
    pub fn new(name: &'static str, mut call: impl FnMut() + 'a) -> Self {
        let call = Box::new(move |times: u32| {
            for _ in 0..times {
                call();
            }
        });
        Self { name, call, calls_per_turn: 1, turns: Vec::new() }
    }

    /// A contestant whose turns each run inside of `around`.
    pub fn within(
        name: &'static str,
        mut around: impl FnMut(&mut dyn FnMut()) + 'a,
        mut call: impl FnMut() + 'a,
    ) -> Self {
        let call = Box::new(move |times: u32| {
            around(&mut || {
                for _ in 0..times {
                    call();
                }
            });
        });
        Self { name, call, calls_per_turn: 1, turns: Vec::new() }
    }

    fn turn(&mut self) -> Duration {
        let start = Instant::now();
        (self.call)(self.calls_per_turn);
        start.elapsed()
    }

    fn calibrate(&mut self) {
        while self.turn() < TURN && self.calls_per_turn < 1 << 24 {
            self.calls_per_turn *= 2;
        }
    }
}

/// One contestant's figure.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// The contestant.
    pub name: &'static str,
    /// Nanoseconds per call, the median over all turns.
    pub median_ns: f64,
    /// Nanoseconds per call, the fastest turn.
    pub best_ns: f64,
}

/// Gives every contestant `rounds` turns, round robin, and returns their figures in order.
pub fn race(mut contestants: Vec<Contestant<'_>>, rounds: usize) -> Vec<Figure> {
    for contestant in &mut contestants {
        contestant.calibrate();
        contestant.turns.reserve(rounds);
    }
    for _ in 0..rounds {
        for contestant in &mut contestants {
            let nanos = contestant.turn().as_secs_f64() * 1e9;
            contestant.turns.push(nanos / f64::from(contestant.calls_per_turn));
        }
    }
    contestants.iter_mut().map(figure).collect()
}

fn figure(contestant: &mut Contestant<'_>) -> Figure {
    let turns = &mut contestant.turns;
    turns.sort_by(f64::total_cmp);
    Figure {
        name: contestant.name,
        median_ns: turns.get(turns.len() / 2).copied().unwrap_or(f64::NAN),
        best_ns: turns.first().copied().unwrap_or(f64::NAN),
    }
}
