//! Ends the servers of a test program that ends without dropping them.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for a line on its input. If the input is closed without one, it kills the process and removes the
/// folder.
const SCRIPT: &str =
    r#"read -r line && exit; kill -9 "$1"; while kill -0 "$1"; do sleep 0.05; done; rm -rf "$2""#;

/// A process that outlives this one, even if this one is killed, and then kills a server and removes its folder.
///
/// Statics are never dropped, so a server shared by the tests of a program needs one.
#[derive(Debug)]
pub(crate) struct Guardian(Child);

impl Guardian {
    /// Watches over a process and its folder.
    pub(crate) fn of(process: u32, folder: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "guardian"]).arg(process.to_string()).arg(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("a shell starts"))
    }

    /// The process has ended: its number may belong to another soon.
    pub(crate) fn dismiss(&mut self) {
        use std::io::Write as _;
        if let Some(mut input) = self.0.stdin.take() {
            // Fails if somebody ended the guardian.
            let _ = input.write_all(b"\n");
        }
        let _ = self.0.wait();
    }
}
