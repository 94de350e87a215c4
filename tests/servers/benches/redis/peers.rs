//! Other clients of the same server.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use events_server_tests::{RedisServer, program};

use super::common::{BATCH, COUNT, DATUM, FIELDS, Failure, Rates, rate};

pub(crate) const BENCHMARK: &str = "redis-benchmark XADD";
pub(crate) const READ: &str = "raw XREADGROUP";
const READ_ACK: &str = "raw XREADGROUP, XACK";
pub(crate) const PYTHON_SENDS: &str = "Python producer";
pub(crate) const PYTHON_CONSUMES: &str = "Python consumer";
/// Python's events per turn.
const PYTHON_COUNT: usize = 2_000;

type Entries = Vec<(String, Vec<Vec<u8>>)>;

/// `redis-benchmark` with one connection and a pipeline of a batch.
pub(crate) fn benchmark(server: &RedisServer) -> Result<Rates, Failure> {
    let mut command = Command::new(program("redis-benchmark", &["/usr/bin", "/usr/local/bin"]));
    command.args(["-p", &server.port().to_string(), "-c", "1", "-q"]);
    command.args(["-P", &BATCH.to_string(), "-n", &COUNT.to_string()]);
    command.args(["XADD", "raw", "*"]);
    for (name, value) in FIELDS {
        command.args([name, value]);
    }
    command.args(["event_data", DATUM]);
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "\n");
    // `…: 208333.33 requests per second, p50=0.439 msec`
    let before = text.split(" requests per second").next().unwrap_or_default();
    let number = before.rsplit(' ').next().unwrap_or_default();
    Ok(vec![(BENCHMARK, number.parse().map_err(|_| format!("redis-benchmark said {text}"))?)])
}

/// Reads and acknowledges the entries of `redis-benchmark` by single commands.
pub(crate) fn raw(server: &RedisServer) -> Result<Rates, Failure> {
    let mut raw = redis::Client::open(server.url())?.get_connection()?;
    let mut rates = Rates::new();
    for (name, group) in [(READ, "read"), (READ_ACK, "read-ack")] {
        redis::cmd("XGROUP").arg(&["CREATE", "raw", group, "0-0"]).exec(&mut raw)?;
        let started = Instant::now();
        let mut count = 0;
        loop {
            let mut read = redis::cmd("XREADGROUP");
            read.arg(&["GROUP", group, "c", "COUNT"]).arg(BATCH).arg(&["STREAMS", "raw", ">"]);
            let found: Option<Vec<(String, Entries)>> = read.query(&mut raw)?;
            let Some((_, entries)) = found.and_then(|mut streams| streams.pop()) else { break };
            count += entries.len();
            if name == READ_ACK {
                let mut ack = redis::cmd("XACK");
                ack.arg("raw").arg(group).arg(entries.iter().map(|(id, _)| id).collect::<Vec<_>>());
                ack.exec(&mut raw)?;
            }
        }
        rates.push((name, rate(count, started.elapsed())));
        assert_eq!(count, COUNT, "all entries are read");
    }
    Ok(rates)
}

/// Open edX's producer and consumer, without their start-up time.
pub(crate) fn python(server: &RedisServer, tell: bool) -> Result<Rates, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join(".venv/bin/python");
    if !python.is_file() {
        if tell {
            println!(
                "!! SKIPPED: Open edX's producer and consumer: `tests/run redis` installs them in .venv"
            );
        }
        return Ok(Rates::new());
    }
    let mut command = Command::new(python);
    command.arg(root.join("tests/interop/redis_peer.py"));
    command.args(["time", &server.url(), "dev", "logins", "python", &PYTHON_COUNT.to_string()]);
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let seconds = text.trim().trim_start_matches('[').trim_end_matches(']').split_once(", ");
    let (sent, consumed) = seconds.ok_or_else(|| format!("Python said {output:?}"))?;
    let rate = |seconds: &str| -> Result<f64, Failure> {
        Ok(f64::from(u32::try_from(PYTHON_COUNT - 1)?) / seconds.parse::<f64>()?)
    };
    Ok(vec![(PYTHON_SENDS, rate(sent)?), (PYTHON_CONSUMES, rate(consumed)?)])
}
