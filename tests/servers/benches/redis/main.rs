//! Throughput over Redis: ours, `redis-benchmark`, a raw reader, and Open edX's Python producer and consumer,
//! interleaved in one run; medians of the rounds.
//!
//! ```text
//! cargo bench -p events-server-tests --bench redis [-- ROUNDS]
//! ```
//!
//! `taskset` gives the server one processor and all clients another: if the kernel moves them, the figures
//! change fivefold. Missing programs are skipped with a message.

mod bus;
mod peers;
mod pin;
mod transport;

use std::time::Duration;

use events_server_tests::RedisServer;

type Failure = Box<dyn std::error::Error>;
/// The operation, and its rate per second.
type Rates = Vec<(&'static str, f64)>;

/// Entries per turn, of ours and of the raw peers.
const COUNT: usize = 100_000;
const BATCH: usize = 100;

/// An entry as Open edX's producer writes it.
const FIELDS: [(&str, &str); 7] = [
    ("type", "org.openedx.learning.auth.session.login.completed.v1"),
    ("id", "6c2b4c3e-8a0d-11ed-a1eb-0242ac120002"),
    ("source", "openedx/lms/web"),
    ("time", "2023-01-02T03:04:05.678901+00:00"),
    ("minorversion", "0"),
    ("sourcehost", "edx.devstack.lms"),
    ("sourcelib", "10.5.0"),
];
const DATUM: &str = "a datum of some thirty-four bytes.";

const MODES: [(&str, &[&str]); 2] = [
    ("appendonly no", &["--appendonly", "no"]),
    ("appendfsync everysec", &["--appendonly", "yes", "--appendfsync", "everysec"]),
];

fn main() -> Result<(), Failure> {
    let rounds: usize = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(5);
    println!("{}", pin::client()?);
    println!("{COUNT} entries a turn, batches of {BATCH}, medians of {rounds} rounds\n");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for (mode, settings) in MODES {
        let server = RedisServer::with(settings);
        pin::server(&server)?;
        let mut runs = Vec::new();
        for round in 0..rounds {
            let mut rates = peers::benchmark(&server)?;
            rates.extend(peers::raw(&server)?);
            clear(&server)?;
            rates.extend(runtime.block_on(transport::turn(&server))?);
            clear(&server)?;
            rates.extend(runtime.block_on(bus::turn(&server))?);
            clear(&server)?;
            rates.extend(peers::python(&server, round == 0)?);
            clear(&server)?;
            runs.push(rates);
        }
        table(mode, &runs);
    }
    Ok(())
}

/// Prints each figure beside the peer of its direction and beside Python, if installed: medians of the rounds,
/// and of the ratios within a round.
fn table(mode: &str, runs: &[Rates]) {
    println!("{mode}");
    let lines = runs.first().into_iter().flatten().map(|(name, _)| *name);
    for name in lines {
        let sends = peers::SENDS.iter().any(|begin| name.starts_with(begin));
        let (peer, python) = if sends {
            (peers::BENCHMARK, peers::PYTHON_SENDS)
        } else {
            (peers::READ, peers::PYTHON_CONSUMES)
        };
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

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

fn clear(server: &RedisServer) -> Result<(), Failure> {
    let mut connection = redis::Client::open(server.url())?.get_connection()?;
    Ok(redis::cmd("FLUSHALL").exec(&mut connection)?)
}

#[expect(clippy::cast_precision_loss, reason = "a rate of some digits")]
fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
