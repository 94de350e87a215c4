//! The servers of one conformance test, and what is done to them meanwhile.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events_runtime::transport::{ConnectOptions, Transport, connect};
use events_tests::conformance::Fixture;

use crate::Trouble;

/// Servers behind a URL, left alone or troubled.
#[derive(Debug)]
pub struct Troubled<S> {
    url: String,
    /// Ends before the servers.
    _trouble: Option<Trouble>,
    patience: u32,
    servers: Arc<Mutex<S>>,
}

impl<S: Send + 'static> Troubled<S> {
    /// Servers that are left alone.
    #[must_use]
    pub fn new(url: String, servers: S) -> Self {
        Self { url, _trouble: None, patience: 1, servers: Arc::new(Mutex::new(servers)) }
    }

    /// The same servers, to which this happens again and again, with rests between that last so long at
    /// first. Calls go on as long as it takes: what takes long is tried until a rest is long enough for it.
    ///
    /// Leases last `patience` times as long: by far longer than the servers are away at once.
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

    /// The same with another setting of the URL, behind those that are there.
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
