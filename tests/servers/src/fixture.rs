//! The fixture of conformance tests over servers, with optional faults.

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
        Self { url: format!("{}?retry_for=5m", self.url), _faults: Some(fault_injector), patience, ..self }
    }

    /// Appends a setting to the URL.
    #[must_use]
    pub fn set(self, setting: &str) -> Self {
        Self { url: format!("{}&{setting}", self.url), ..self }
    }
}

impl<S: Send> Fixture for TestServers<S> {
    fn patience(&self) -> u32 {
        self.patience
    }

    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        connect(&self.url, options).expect("a valid URL")
    }
}
