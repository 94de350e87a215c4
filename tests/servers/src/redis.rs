//! Redis servers for tests.

use std::process::{Command, Stdio};

use crate::{Server, free_port, program};

/// A Redis server with a data folder of its own and `appendfsync always`.
#[derive(Debug)]
pub struct RedisServer {
    folder: tempfile::TempDir,
    port: u16,
    settings: Vec<String>,
    server: Option<Server>,
}

impl RedisServer {
    /// Starts a server without data.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server without data, with additional command-line arguments.
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = settings.iter().map(ToString::to_string).collect();
        let mut server = Self { folder, port: free_port(), settings, server: None };
        server.start_again();
        server
    }

    /// Restarts the server with its port and data, unless it is running.
    pub fn start_again(&mut self) {
        if self.server.is_some() {
            return;
        }
        let mut command = Command::new(program("redis-server", &["/usr/bin", "/usr/local/bin"]));
        command
            .args(["--bind", "127.0.0.1", "--daemonize", "no", "--save", "", "--loglevel", "warning"])
            .args(["--appendonly", "yes", "--appendfsync", "always"])
            .arg("--port")
            .arg(self.port.to_string())
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        self.server = Some(Server::start(command, self.port));
    }

    /// The URL of database 0.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// A connection for commands of the test.
    ///
    /// # Panics
    /// If the server does not reply.
    #[must_use]
    pub fn connection(&self) -> ::redis::Connection {
        ::redis::Client::open(self.url()).expect("a URL").get_connection().expect("the server answers")
    }

    /// Sends a command and returns its reply.
    ///
    /// # Panics
    /// If the server does not reply, or with an error.
    #[must_use]
    pub fn ask<T: ::redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let (name, arguments) = words.split_first().expect("a command");
        let asked = ::redis::cmd(name).arg(arguments).query(&mut self.connection());
        asked.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// The port of the server, also while it is down.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server, as in a power failure.
    pub fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
    }

    /// Terminates the server and waits for its exit.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop();
        }
    }

    /// Sends a signal to the server.
    ///
    /// # Panics
    /// If the server is not running.
    pub fn signal(&self, name: &str) {
        self.server.as_ref().expect("the server runs").signal(name);
    }

    /// The process of the server.
    ///
    /// # Panics
    /// If the server is not running.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.server.as_ref().expect("the server runs").process()
    }
}
