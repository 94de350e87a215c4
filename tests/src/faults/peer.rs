//! A process of a run, and its output.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// A running `fault_peer`.
#[derive(Debug)]
pub struct Peer {
    /// Its number in the run.
    pub process: u32,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Peer {
    pub(crate) fn start(
        program: &str,
        process: u32,
        args: &[String],
        environment: &[(String, String)],
    ) -> Self {
        let mut child = Command::new(program)
            .args(args)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peer starts");
        let out = child.stdout.take().expect("a pipe");
        let input = child.stdin.take();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut line = String::new();
            // A line that a kill truncated does not count.
            while out.read_line(&mut line).is_ok_and(|read| read > 0) && line.ends_with('\n') {
                if sender.send(line.trim_end().to_owned()).is_err() {
                    break;
                }
                line.clear();
            }
        });
        Self { process, child, input, lines }
    }

    /// The lines since the last call.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// Its exit status, if it has exited.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the peer's status is known")
    }

    /// Kills it and returns the remaining lines.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("the peer is killed");
        self.child.wait().expect("the peer has ended");
        self.lines.iter().collect()
    }

    /// Writes a line to its input.
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{line}").expect("the peer listens");
    }

    /// Asks it to exit.
    pub(crate) fn stop(&mut self) {
        self.input = None;
    }

    /// Waits for its exit; returns the remaining lines and the status. Call `stop` first.
    pub(crate) fn finish(mut self) -> (Vec<String>, ExitStatus) {
        self.input = None;
        let lines = self.lines.iter().collect();
        (lines, self.child.wait().expect("the peer ends"))
    }
}

/// No process outlives a failed run.
impl Drop for Peer {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
