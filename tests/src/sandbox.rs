//! Runs a program in a temporary folder, as users run it.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use events_runtime::transport::{ConnectOptions, Message, Topic, Transport, connect};
use serde_json::Value;
use tempfile::TempDir;

/// The output and the exit code of a program.
#[derive(Debug)]
pub struct CommandOutput {
    /// The exit code; -1 if a signal ended the program.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl CommandOutput {
    /// Runs a program with an empty standard input.
    ///
    /// # Panics
    /// If the program can't be started.
    pub fn of(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).output().expect("the program starts").into()
    }

    /// The standard output of a program that succeeded without a message on standard error.
    ///
    /// # Panics
    /// If it did not.
    #[must_use]
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }
}

impl From<Output> for CommandOutput {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A temporary folder in which a program runs, with the `SQLite` store `events.db`.
#[derive(Debug)]
pub struct Sandbox {
    folder: TempDir,
    program: &'static str,
    variables: Vec<(&'static str, OsString)>,
}

impl Sandbox {
    /// Creates the folder. `program` is the path of an executable.
    ///
    /// # Panics
    /// If the folder can't be created.
    #[must_use]
    pub fn new(program: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder, program, variables: Vec::new() }
    }

    /// Creates the folder with this `events.toml`.
    ///
    /// # Panics
    /// If the folder can't be created.
    #[must_use]
    pub fn with_config(program: &'static str, config: &str) -> Self {
        let sandbox = Self::new(program);
        fs::write(sandbox.path().join("events.toml"), config).expect("the configuration is written");
        sandbox
    }

    /// Sets an environment variable of the program.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of the store.
    #[must_use]
    pub fn url(&self) -> String {
        format!("sqlite://{}/events.db", self.path().display())
    }

    /// The program with these arguments, in the folder.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_in(self.path(), arguments)
    }

    /// The program with these arguments, in another folder.
    #[must_use]
    pub fn command_in(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.current_dir(folder).args(arguments).stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> CommandOutput {
        CommandOutput::of(&mut self.command(arguments))
    }

    /// The standard output of a run that [succeeds](CommandOutput::succeeded).
    #[track_caller]
    pub fn out(&self, arguments: &[&str]) -> String {
        self.run(arguments).succeeded()
    }

    /// The output of a successful run with `--json`.
    ///
    /// # Panics
    /// If the run fails or the output is not JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(output.code, 0, "{arguments:?}: {}{}", output.out, output.err);
        serde_json::from_str(&output.out).expect("the output is JSON")
    }

    /// Runs a future with the store.
    ///
    /// # Panics
    /// If the store can't be opened.
    pub fn with_transport(&self, work: impl AsyncFnOnce(&dyn Transport)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            work(&*connect(&self.url(), &ConnectOptions::new()).expect("the store")).await;
        });
    }

    /// Stores messages in a topic, which is given by its full name.
    ///
    /// # Panics
    /// If a message can't be stored.
    pub fn store(&self, topic: &str, messages: &[Message]) {
        self.with_transport(async |transport| {
            let topic = Topic::new(topic).expect("a topic name");
            let producer = transport.producer().await.expect("a producer");
            for sent in producer.send(&topic, messages).await {
                sent.expect("the message is stored");
            }
        });
    }
}
