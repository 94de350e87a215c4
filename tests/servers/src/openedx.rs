//! The topic `dev-logins`, shared by Open edX's event bus for Redis and this crate.

use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use events_runtime::{Config, EventBus, Hub};
use events_tests::openedx::{SessionLoginCompleted, user};

/// The topic's name on the server.
pub const FULL_TOPIC: &str = "dev-logins";

/// Runs Open edX's code by `tests/interop/redis_peer.py` in a mode, with its output piped.
///
/// # Panics
/// If `tests/run` has not installed the packages.
#[must_use]
pub fn python(url: &str, mode: &str, rest: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join(".venv/bin/python");
    assert!(
        python.is_file(),
        "`.venv` with Open edX's packages is missing: run `tests/run redis`, which creates it"
    );
    let mut command = Command::new(python);
    command.arg(root.join("tests/interop/redis_peer.py")).args([mode, url, "dev", "logins"]).args(rest);
    command.stdout(Stdio::piped());
    command
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

/// Sends logins of users with these IDs, with seven different keys.
///
/// # Panics
/// If one is not sent.
pub async fn emit(bus: &EventBus, numbers: Range<i64>) {
    for id in numbers {
        let mut user = user("Bob Föö");
        user.id = id;
        user.pii.username = format!("user-{}", id % 7);
        bus.hub().emit(SessionLoginCompleted { user }).delivered().await.expect("it is sent");
    }
}
