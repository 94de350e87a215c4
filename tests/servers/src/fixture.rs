//! The fixtures of conformance tests over servers, with optional faults.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events_runtime::transport::{ConnectOptions, Transport, connect};
use events_tests::conformance::Fixture;

use crate::FaultInjector;

/// Servers behind a URL, optionally with a fault injector.
#[derive(Debug)]
pub struct TestServers<S> {
    url: String,
    /// Dropped before the servers.
    _faults: Option<FaultInjector>,
    patience: u32,
    servers: Arc<Mutex<S>>,
}

impl<S: Send + 'static> TestServers<S> {
    /// Servers without faults.
    #[must_use]
    pub fn new(url: String, servers: S) -> Self {
        Self { url, _faults: None, patience: 1, servers: Arc::new(Mutex::new(servers)) }
    }

    /// Injects a fault into the servers repeatedly, with a first pause of `pause` between. Calls are retried
    /// until they succeed, at the latest when the pauses have become long enough.
    ///
    /// Leases are `patience` times as long, far longer than a fault makes the servers unavailable.
    #[must_use]
    pub fn with_faults(
        self,
        name: &'static str,
        pause: Duration,
        patience: u32,
        mut inject: impl FnMut(&mut S) + Send + 'static,
    ) -> Self {
        let servers = self.servers.clone();
        let fault_injector = FaultInjector::start(name, pause, move || {
            inject(&mut servers.lock().unwrap_or_else(PoisonError::into_inner));
        });
        Self { _faults: Some(fault_injector), patience, ..self.set("retry_for=5m") }
    }

    /// Appends a setting to the URL.
    #[must_use]
    pub fn set(self, setting: &str) -> Self {
        Self { url: with_setting(&self.url, setting), ..self }
    }
}

impl<S: Send> Fixture for TestServers<S> {
    fn patience(&self) -> u32 {
        self.patience
    }

    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        connect(&self.url, options).expect("a valid URL")
    }

    fn trims(&self) -> bool {
        !self.url.starts_with("kafka")
    }
}

fn with_setting(url: &str, setting: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{setting}")
}

/// A namespace of servers that the tests of a module share, since they take seconds to start.
#[derive(Debug)]
pub struct SharedServers {
    url: String,
    patience: u32,
    /// Keeps them until the last of their tests has ended.
    _servers: Arc<dyn Servers>,
}

trait Servers: Send + Sync + Debug {
    fn url(&self) -> &str;
    fn patience(&self) -> u32;
}

impl<S: Send + Debug> Servers for TestServers<S> {
    fn url(&self) -> &str {
        &self.url
    }

    fn patience(&self) -> u32 {
        self.patience
    }
}

/// The servers of the module whose tests run, by its name.
static CURRENT: Mutex<Option<(&'static str, Arc<dyn Servers>)>> = Mutex::new(None);
static NAMESPACES: AtomicU32 = AtomicU32::new(0);

impl SharedServers {
    /// A namespace of its own on the servers of `module`, which are started for its first test. The servers of
    /// the module before end with their last test: tests run in the order of their names.
    #[must_use]
    pub fn of<S: Send + Debug + 'static>(
        module: &'static str,
        start: impl FnOnce() -> TestServers<S>,
    ) -> Self {
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = current.as_ref().filter(|(name, _)| *name == module);
        let (servers, before) = if let Some((_, servers)) = shared {
            (servers.clone(), None)
        } else {
            let servers: Arc<dyn Servers> = Arc::new(start());
            (servers.clone(), current.replace((module, servers)))
        };
        drop(current);
        // May end servers, which takes a while.
        drop(before);
        let namespace = format!("namespace=test-{}", NAMESPACES.fetch_add(1, Ordering::Relaxed));
        Self { url: with_setting(servers.url(), &namespace), patience: servers.patience(), _servers: servers }
    }

    /// Appends a setting to the URL.
    #[must_use]
    pub fn set(self, setting: &str) -> Self {
        Self { url: with_setting(&self.url, setting), ..self }
    }
}

impl Fixture for SharedServers {
    fn patience(&self) -> u32 {
        self.patience
    }

    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        connect(&self.url, options).expect("a valid URL")
    }

    fn trims(&self) -> bool {
        !self.url.starts_with("kafka")
    }
}
