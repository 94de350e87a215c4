//! Other programs on the same broker.

use std::path::{Path, PathBuf};
use std::process::Command;

use events_server_tests::{KafkaServer, RegistryServer, program};

use super::common::{COUNT, DATUM, FIELDS, Failure, Rates};
use super::raw;

const JAVA: &str = "Java producer-performance";
pub(crate) const PYTHON_SENDS: &str = "Python producer";
pub(crate) const PYTHON_CONSUMES: &str = "Python consumer";
/// Python's events per turn.
const PYTHON_COUNT: usize = 2_000;

/// Kafka's own tool, with the settings of the others. It writes no headers, so that a record's value is as long as
/// headers and value of the others.
pub(crate) fn java(server: &KafkaServer, namespace: &str) -> Result<Rates, Failure> {
    let topic = format!("{namespace}.java");
    raw::create(server, &topic)?;
    let headers: usize = FIELDS.iter().map(|(name, value)| name.len() + value.len() + 5).sum();
    let mut command = Command::new(program("java", &["/usr/bin"]));
    command.arg("-cp").arg(KafkaServer::jars().join("libs/*"));
    command
        .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "org.apache.kafka.tools.ProducerPerformance"]);
    command.args(["--bootstrap-server", &server.bootstrap(), "--topic", &topic, "--throughput", "-1"]);
    command.args(["--num-records", &COUNT.to_string(), "--warmup-records", &(COUNT / 4).to_string()]);
    command.args(["--record-size", &(headers + DATUM.len()).to_string()]);
    for property in ["acks=all", "enable.idempotence=true", "linger.ms=5"] {
        command.args(["--command-property", property]);
    }
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    // `75000 records sent, 204123.4 records/sec (…`
    let last = text.lines().rfind(|line| line.contains("records/sec")).unwrap_or_default();
    let number = last.split(" records/sec").next().and_then(|before| before.rsplit(' ').next());
    let rate = number.unwrap_or_default().parse().map_err(|_| format!("Java said {output:?}"))?;
    Ok(vec![(JAVA, rate)])
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn is_python_there() -> bool {
    root().join(".venv/bin/python").is_file()
}

/// Open edX's producer and consumer, without their start-up time.
pub(crate) fn python(
    server: &KafkaServer,
    registry: Option<&RegistryServer>,
    namespace: &str,
    tell: bool,
) -> Result<Rates, Failure> {
    let Some(registry) = registry else {
        if tell {
            println!(
                "!! SKIPPED: Open edX's producer and consumer: `tests/run kafka` installs them in .venv"
            );
        }
        return Ok(Rates::new());
    };
    // Its consumer needs the topic.
    raw::create(server, &format!("{namespace}-logins"))?;
    let mut command = Command::new(root().join(".venv/bin/python"));
    command.arg(root().join("tests/interop/kafka_peer.py"));
    command.args(["time", &server.bootstrap(), &registry.url(), namespace, "logins", "python"]);
    command.arg(PYTHON_COUNT.to_string());
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.trim().lines().last().unwrap_or_default();
    let seconds = last.trim_start_matches('[').trim_end_matches(']').split_once(", ");
    let (sent, consumed) = seconds.ok_or_else(|| format!("Python said {output:?}"))?;
    let rate = |seconds: &str| -> Result<f64, Failure> {
        Ok(f64::from(u32::try_from(PYTHON_COUNT - 1)?) / seconds.parse::<f64>()?)
    };
    Ok(vec![(PYTHON_SENDS, rate(sent)?), (PYTHON_CONSUMES, rate(consumed)?)])
}
