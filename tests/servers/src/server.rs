//! Starts and ends server processes.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Exceeds the start time of any server here, also while other programs are built.
const START: Duration = Duration::from_secs(90);

/// Below the range of ephemeral ports: a client's connection must not occupy the port of a server that is
/// down.
const PORTS: std::ops::Range<u32> = 12_000..32_000;

/// A port of 127.0.0.1 without a listener, different on each call.
///
/// # Panics
/// If no port is free.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Concurrent processes start at different ports.
    let start = std::process::id().wrapping_mul(997);
    let port = || {
        let number = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        u16::try_from(PORTS.start + number % (PORTS.end - PORTS.start)).expect("a port")
    };
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(port).take(PORTS.len()).find(is_free).expect("a free port")
}

/// The path of a program in `PATH` or one of `folders`.
///
/// # Panics
/// If it is not installed.
#[must_use]
pub fn program(name: &str, folders: &[&str]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).chain(folders.iter().map(PathBuf::from));
    candidates.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file())).unwrap_or_else(|| {
        panic!("`{name}` is not installed: run the tests by `tests/run`, which installs it")
    })
}

/// A running server; killed on drop.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    port: u16,
}

impl Server {
    /// Starts a server and waits until it listens on `port`.
    ///
    /// # Panics
    /// If it exits, or does not listen in time.
    #[must_use]
    pub fn start(command: Command, port: u16) -> Self {
        let mut server = Self::spawn(command, port);
        server.until_it_listens(port, String::new);
        server
    }

    /// Starts a server that will listen on `port`.
    pub(crate) fn spawn(mut command: Command, port: u16) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().unwrap_or_else(|error| panic!("`{name}` does not start: {error}"));
        Self { name, child, port }
    }

    /// Waits until the server listens on a port. A panic has the server's `log`.
    pub(crate) fn until_it_listens(&mut self, port: u16, log: impl Fn() -> String) {
        let (name, started) = (&self.name, Instant::now());
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = self.child.try_wait().expect("the server can be asked");
            assert!(ended.is_none(), "`{name}` ended by itself: {ended:?} {}", log());
            assert!(started.elapsed() < START, "`{name}` does not listen on port {port}: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The number of the server's process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// The port of the server.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Sends a signal such as `STOP`, `CONT` or `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success(), "SIG{name} was not sent");
    }

    /// Kills the server, which can't save anything, as in a power failure.
    pub fn kill(mut self) {
        self.child.kill().expect("the server is killed");
        self.child.wait().expect("the server has ended");
    }

    /// Terminates the server and waits for its exit.
    pub fn stop(self) {
        self.signal("TERM");
        self.wait();
    }

    /// Waits for the exit of the server.
    pub fn wait(mut self) {
        self.child.wait().expect("the server has ended");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
