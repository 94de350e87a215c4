//! The printed table of a benchmark.

use super::Rates;

/// The beginnings of the names of senders.
const SENDS: [&str; 4] = ["send", "bus: emit", "Python producer", "Java producer"];

/// What the figures of each direction are compared with.
pub(crate) struct Peers {
    pub(crate) send: &'static str,
    pub(crate) python_send: &'static str,
    pub(crate) consume: &'static str,
    pub(crate) python_consume: &'static str,
}

/// Prints each figure beside the peer of its direction and beside Python, if installed: medians of the rounds,
/// and of the ratios within a round.
pub(crate) fn table(mode: &str, peers: &Peers, runs: &[Rates]) {
    println!("{mode}");
    let lines = runs.first().into_iter().flatten().map(|(name, _)| *name);
    for name in lines {
        let sends = name == peers.send || SENDS.iter().any(|begin| name.starts_with(begin));
        let (peer, python) =
            if sends { (peers.send, peers.python_send) } else { (peers.consume, peers.python_consume) };
        let beside = |other: &str| {
            let ratio = |rates| Some(of(rates, name)? / of(rates, other)?);
            median(runs.iter().filter_map(ratio).collect())
        };
        let rate = median(runs.iter().filter_map(|rates| of(rates, name)).collect()).unwrap_or_default();
        let share = beside(peer).unwrap_or_default() * 100.0;
        let times = beside(python).map_or_else(String::new, |times| format!(", {times:>6.1} × {python}"));
        println!("  {name:<44} {rate:>8.0}/s {share:>5.0} % of {peer}{times}");
    }
    println!();
}

fn of(rates: &Rates, wanted: &str) -> Option<f64> {
    rates.iter().find(|(name, _)| *name == wanted).map(|(_, rate)| *rate)
}

pub(crate) fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}
