//! A program that runs in its own folder.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::ran::Ran;

/// A program, and a temporary folder with its configuration in which it runs.
pub struct Program {
    path: &'static str,
    folder: TempDir,
}

impl Program {
    /// The program at this path, with the text of its `events.toml`.
    ///
    /// # Panics
    /// If the folder can't be created.
    #[must_use]
    pub fn new(path: &'static str, config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("events.toml"), config).expect("the configuration is written");
        Self { path, folder }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of the SQLite file `events.db` in the folder.
    pub fn url(&self) -> String {
        format!("sqlite://{}/events.db", self.path().display())
    }

    /// The command that runs the program in the folder.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.path);
        command.current_dir(self.path()).args(arguments);
        command
    }

    /// Runs the program with empty input.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }
}
