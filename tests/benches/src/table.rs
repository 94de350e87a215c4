//! The figures as a Markdown table, or as JSON lines for a program.

use std::io::Write as _;

use crate::clock::Figure;

/// How a benchmark was asked to run.
#[derive(Debug, Clone, Copy)]
pub struct Arguments {
    /// How many turns each contestant has.
    pub rounds: usize,
    json: bool,
}

impl Arguments {
    /// Reads `--json`, and the number of rounds where one is given. What else cargo passes to a
    /// benchmark, such as `--bench`, is not for us.
    pub fn from_env(rounds: usize) -> Self {
        let mut arguments = Self { rounds, json: false };
        for argument in std::env::args().skip(1) {
            if argument == "--json" {
                arguments.json = true;
            } else if let Ok(rounds) = argument.parse() {
                arguments.rounds = rounds;
            }
        }
        arguments
    }

    /// Writes the figures of one comparison; the ratios are to the first contestant, which is
    /// the one that the benchmark is about.
    ///
    /// # Errors
    /// When standard output can't be written.
    pub fn report(&self, comparison: &str, figures: &[Figure]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            for figure in figures {
                serde_json::to_writer(
                    &mut out,
                    &serde_json::json!({
                        "comparison": comparison,
                        "name": figure.name,
                        "median_ns": figure.median_ns,
                        "best_ns": figure.best_ns,
                    }),
                )?;
                writeln!(out)?;
            }
            return Ok(());
        }
        let first = figures.first().map_or(f64::NAN, |figure| figure.median_ns);
        writeln!(out, "| {comparison} | median ns | best ns | ratio |\n|---|---:|---:|---:|")?;
        for figure in figures {
            let Figure { name, median_ns, best_ns } = figure;
            writeln!(out, "| {name} | {median_ns:.1} | {best_ns:.1} | {:.2} |", median_ns / first)?;
        }
        writeln!(out)
    }
}
