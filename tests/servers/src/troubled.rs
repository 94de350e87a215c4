//! The servers of one conformance test, and their disturbances.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events_runtime::transport::{ConnectOptions, Transport, connect};
use events_tests::conformance::Fixture;

use crate::Trouble;

/// Servers at a URL, undisturbed or disturbed.
#[derive(Debug)]
pub struct Troubled<S> {
    url: String,
    /// Dropped before the servers.
    _trouble: Option<Trouble>,
    patience: u32,
    servers: Arc<Mutex<S>>,
}

impl<S: Send + 'static> Troubled<S> {
    /// Undisturbed servers.
    #[must_use]
    pub fn new(url: String, servers: S) -> Self {
        Self { url, _trouble: None, patience: 1, servers: Arc::new(Mutex::new(servers)) }
    }

    /// Disturbs the servers repeatedly, with this first pause in between. Calls are retried without a time
    /// limit, until a pause is long enough for them.
    ///
    /// Leases are `patience` times as long, much longer than one outage.
    #[must_use]
    pub fn by(
        self,
        name: &'static str,
        rest: Duration,
        patience: u32,
        mut once: impl FnMut(&mut S) + Send + 'static,
    ) -> Self {
        let servers = self.servers.clone();
        let trouble = Trouble::begin(name, rest, move || {
            once(&mut servers.lock().unwrap_or_else(PoisonError::into_inner));
        });
        Self { url: format!("{}?retry_for=5m", self.url), _trouble: Some(trouble), patience, ..self }
    }

    /// Appends a setting to the URL.
    #[must_use]
    pub fn set(self, setting: &str) -> Self {
        Self { url: format!("{}&{setting}", self.url), ..self }
    }
}

impl<S: Send> Fixture for Troubled<S> {
    fn patience(&self) -> u32 {
        self.patience
    }

    fn connect(&self, options: &ConnectOptions) -> Box<dyn Transport> {
        connect(&self.url, options).expect("the URL is understood")
    }
}
