//! The topic `dev-logins`, shared by Open edX's bus over Redis and ours.

use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use events_runtime::{Config, EventBus, Hub};
use events_tests::openedx::{SessionLoginCompleted, user};

/// The topic's name on the server.
pub const FULL_TOPIC: &str = "dev-logins";

/// Open edX's program `tests/interop/redis_peer.py` in this mode, with its output piped.
///
/// # Panics
/// If `tests/run` has not installed the packages.
#[must_use]
pub fn python(url: &str, mode: &str, rest: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join(".venv/bin/python");
    assert!(
        python.is_file(),
        "there is no `.venv` with Open edX's packages: run `tests/run redis`, which makes it"
    );
    let mut command = Command::new(python);
    command.arg(root.join("tests/interop/redis_peer.py")).args([mode, url, "dev", "logins"]).args(rest);
    command.stdout(Stdio::piped());
    command
}

/// Our bus with its own hub; emitted events run the receivers of this hub directly.
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

/// Sends logins of users of these numbers, with seven keys in all.
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
