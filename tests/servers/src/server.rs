//! A server's process.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longer than any server here takes to start.
const START: Duration = Duration::from_secs(30);

/// The range of ports for servers. Outside of the ephemeral range: a client could get a server's port while
/// that server is down.
const PORTS: std::ops::Range<u32> = 12_000..32_000;

/// A free port of 127.0.0.1 that this process has not used before.
///
/// # Panics
/// If none is free.
#[must_use]
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Concurrent processes start at different ports.
    let begin = std::process::id().wrapping_mul(997);
    let port = || {
        let number = begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        u16::try_from(PORTS.start + number % (PORTS.end - PORTS.start)).expect("a port")
    };
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(port).take(PORTS.len()).find(is_free).expect("a free port")
}

/// The path of a program, searched in `PATH` and in these folders.
///
/// # Panics
/// If it is not installed, with the fix.
#[must_use]
pub fn program(name: &str, folders: &[&str]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).chain(folders.iter().map(PathBuf::from));
    places.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file())).unwrap_or_else(|| {
        panic!("`{name}` is not installed: run the tests by `tests/run`, which installs it")
    })
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts a server and waits until it listens on this port.
    ///
    /// # Panics
    /// If it exits, or does not listen in time.
    #[must_use]
    pub fn start(mut command: Command, port: u16) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().unwrap_or_else(|error| panic!("`{name}` does not start: {error}"));
        let mut server = Self { child, port };
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = server.child.try_wait().expect("the server can be asked");
            assert!(ended.is_none(), "`{name}` ended by itself: {ended:?}");
            assert!(started.elapsed() < START, "`{name}` does not listen on port {port}");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    /// The port that it listens on.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Sends a signal by its name, such as `STOP`, `CONT` or `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success(), "SIG{name} was not sent");
    }

    /// Kills it: nothing is saved.
    pub fn kill(mut self) {
        self.child.kill().expect("the server is killed");
        self.child.wait().expect("the server has ended");
    }

    /// Stops it and waits for its exit.
    pub fn stop(self) {
        self.signal("TERM");
        self.wait();
    }

    /// Waits for its exit.
    pub fn wait(mut self) {
        self.child.wait().expect("the server has ended");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
