//! Postgres servers for tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

use crate::server::{Server, free_port, program};

/// A Postgres server with a data folder of its own; ended and removed on drop.
#[derive(Debug)]
pub struct Postgres {
    // Dropped before its folder.
    server: Option<Server>,
    folder: TempDir,
}

impl Postgres {
    /// Creates a database cluster and starts its server. If the user is root, it runs as the user `postgres`,
    /// since Postgres refuses to run as root.
    ///
    /// # Panics
    /// If Postgres is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if is_root() {
            assert_success(&run(Command::new("chown").arg("postgres").arg(folder.path())), "chown");
        }
        let data = folder.path().join("data");
        let mut initdb = as_postgres(&binary("initdb"));
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.arg("--pgdata").arg(&data).current_dir("/");
        assert_success(&run(&mut initdb), "initdb");

        let port = free_port();
        let mut postgres = as_postgres(&binary("postgres"));
        postgres.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        // Small, since several tests run one each.
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "shared_buffers=16MB",
            "max_connections=50",
        ] {
            postgres.arg("-c").arg(setting);
        }
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        postgres.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Self { server: Some(Server::start(postgres, port)), folder }
    }

    /// The configuration of a connection.
    ///
    /// # Panics
    /// Never: the server runs until it is dropped.
    #[must_use]
    pub fn config(&self) -> Config {
        let port = self.server.as_ref().expect("it runs").port();
        let mut config = Config::new();
        config.host("127.0.0.1").port(port).user("postgres").dbname("postgres");
        config
    }

    /// A connection.
    ///
    /// # Panics
    /// If the server does not accept one in time. It listens before it accepts connections.
    pub async fn connect(&self) -> Client {
        let config = self.config();
        for _ in 0..3_000 {
            if let Ok(client) = connect(&config).await {
                return client;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("Postgres accepts no connection: {log}")
    }
}

/// Opens a connection, which a task drives until it is dropped.
///
/// # Errors
/// The error of the server or the driver.
pub async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(server) = self.server.take() else { return };
        // A fast shutdown ends its child processes too.
        server.signal("INT");
        server.wait();
    }
}

fn is_root() -> bool {
    let user = Command::new("id").arg("-u").output().expect("id runs");
    user.stdout.trim_ascii() == b"0"
}

/// A command that runs the program as a user that may run it.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    // `setpriv` replaces itself by the program, which then receives signals; `runuser` would not.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
    command
}

/// A program of Postgres, of the newest version. Debian has a folder per version.
fn binary(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<u32> =
        versions.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable();
    let folders: Vec<_> =
        versions.iter().rev().map(|version| format!("/usr/lib/postgresql/{version}/bin")).collect();
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    program(name, &folders)
}

fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?} does not run: {error}"))
}

fn assert_success(output: &Output, what: &str) {
    assert!(output.status.success(), "{what} failed: {}", String::from_utf8_lossy(&output.stderr));
}
