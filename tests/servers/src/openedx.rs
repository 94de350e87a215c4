//! The topic `dev-logins`, shared by Open edX's event buses for Redis and Kafka and this crate.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use events_runtime::{Config, Event, EventBus, Hub, Signal};
use events_tests::openedx::{SessionLoginCompleted, user};
use tokio::sync::{mpsc, oneshot};

use crate::{KafkaServer, RegistryServer};

/// The topic's name on the server.
pub const FULL_TOPIC: &str = "dev-logins";

/// The number of different keys of the logins, here and in the programs of Open edX.
pub const KEYS: i64 = 40;

/// Runs Open edX's code by `tests/interop/redis_peer.py` in a mode, with its output piped.
///
/// # Panics
/// If `tests/run` has not installed the packages.
#[must_use]
pub fn python(url: &str, mode: &str, rest: &[&str]) -> Command {
    let mut command = script("redis_peer.py");
    command.args([mode, url, "dev", "logins"]).args(rest);
    command
}

/// Runs Open edX's code by `tests/interop/kafka_peer.py` in a mode, with its output piped.
///
/// # Panics
/// If `tests/run` has not installed the packages.
#[must_use]
pub fn kafka_python(server: &KafkaServer, registry: &RegistryServer, mode: &str, rest: &[&str]) -> Command {
    let mut command = script("kafka_peer.py");
    command.args([mode, &server.bootstrap(), &registry.url(), "dev", "logins"]).args(rest);
    command
}

fn script(name: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join(".venv/bin/python");
    assert!(
        python.is_file(),
        "`.venv` with Open edX's packages is missing: run `tests/run redis` or `tests/run kafka`, which create it"
    );
    let mut command = Command::new(python);
    command.arg(root.join("tests/interop").join(name)).stdout(Stdio::piped());
    command
}

/// Runs a command to its end, and returns its output.
///
/// # Panics
/// If it fails.
pub async fn finish(mut command: Command) -> Output {
    let run =
        tokio::task::spawn_blocking(move || command.spawn().and_then(std::process::Child::wait_with_output));
    let output = run.await.expect("no panic").expect("it runs");
    assert!(output.status.success(), "{output:?}");
    output
}

/// The users in the output of a consumer of Open edX.
///
/// # Panics
/// If a line has none.
#[must_use]
pub fn users(output: &Output) -> BTreeSet<i64> {
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |line: &str| line.split_once("\"user\": ")?.1.split_once(',')?.0.parse().ok();
    let lines = text.lines().filter(|line| !line.starts_with("joined"));
    lines.map(|line| number(line).expect("a line of the consumer")).collect()
}

/// Receives events as a member of a group until they are enough.
///
/// # Panics
/// If an event is not one of Open edX's consumers or ours.
pub async fn take(bus: &EventBus, group: &str, enough: impl Fn(&BTreeSet<i64>) -> bool) -> BTreeSet<i64> {
    let (tell, mut told) = mpsc::unbounded_channel();
    bus.hub().scope(|| {
        Signal::<SessionLoginCompleted>::new().connect(
            "receiver",
            move |event: &Event<SessionLoginCompleted>| {
                assert_eq!(event.user.pii.name, "Bob Föö");
                assert_eq!(event.metadata().source(), "openedx/lms/web");
                let _ = tell.send(event.user.id);
            },
        )
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let consume = bus.consume("logins").group(group);
    let running = tokio::spawn(async move { consume.run_until(async { drop(stopped.await) }).await });
    let mut taken = BTreeSet::new();
    while !enough(&taken) {
        taken.insert(told.recv().await.expect("the receiver is there"));
    }
    drop(stop);
    let consumed = running.await.expect("no panic").expect("it consumes");
    assert_eq!((consumed.dead_lettered, consumed.skipped), (0, 0));
    taken
}

/// A bus with a hub of its own.
///
/// # Panics
/// If it does not start.
pub async fn bus(url: &str) -> EventBus {
    let config = Config::from_toml(&format!(
        "[service]\nname = 'lms'\ntopic_prefix = 'dev'\n[bus]\nurl = '{url}'\n\
         [routes.'org.openedx.learning.auth.session.login.completed.v1']\nlogins = {{ key = 'user.pii.username' }}",
    ));
    EventBus::builder().config(config.expect("a configuration")).hub(Hub::new()).start().await.expect("a bus")
}

/// Sends logins of users with these ids, with [`KEYS`] different keys.
///
/// # Panics
/// If one is not sent.
pub async fn emit(bus: &EventBus, numbers: Range<i64>) {
    for id in numbers {
        let mut user = user("Bob Föö");
        user.id = id;
        user.pii.username = format!("user-{}", id % KEYS);
        bus.hub().emit(SessionLoginCompleted { user }).delivered().await.expect("it is sent");
    }
}
