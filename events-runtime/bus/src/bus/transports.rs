//! The open transports of a bus.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::builder::StartError;
use crate::config::{Config, TransportSettings, UnknownTransport};
use events_transport as transport;
use events_transport::{Transport, TransportName};

/// An open transport.
pub(super) struct Opened {
    pub(super) transport: Arc<dyn Transport>,
    /// The scheme of its URL, for spans.
    pub(super) system: Arc<str>,
    pub(super) settings: TransportSettings,
}

/// All transports of a bus, by name.
pub(super) struct Transports(BTreeMap<TransportName, Opened>);

impl Transports {
    /// Opens the transports of the configuration, except those that the program provides.
    pub(super) fn open(
        config: &Config,
        provided: BTreeMap<TransportName, Box<dyn Transport>>,
    ) -> Result<Self, StartError> {
        let mut opened = BTreeMap::new();
        let mut add = |name: TransportName, transport: Box<dyn Transport>, settings| {
            let system = system(transport.url());
            opened.insert(name, Opened { transport: transport.into(), system, settings });
        };
        let default = TransportName::default();
        for name in std::iter::once(&default).chain(config.transports().keys()) {
            if !provided.contains_key(name) {
                let settings = config.transport(name.as_str())?;
                let options = config.connect_options_of(&settings)?;
                add(name.clone(), transport::connect(settings.url.expose(), &options)?, settings);
            }
        }
        for (name, transport) in provided {
            // One without a table has the settings of `[bus]`.
            let settings = config.transport(name.as_str()).or_else(|_| config.transport(default.as_str()))?;
            add(name, transport, settings);
        }
        Ok(Self(opened))
    }

    pub(super) fn get(&self, name: &TransportName) -> Result<&Opened, UnknownTransport> {
        self.0.get(name).ok_or_else(|| UnknownTransport::new(name.as_str(), self.names()))
    }

    /// The names except that of `[bus]`.
    pub(super) fn names(&self) -> impl Iterator<Item = &TransportName> {
        self.0.keys().filter(|name| !name.is_default())
    }

    /// The transport of `[bus]`.
    pub(super) fn default(&self) -> &dyn Transport {
        // `open` inserts it.
        let default = self.0.get(TransportName::DEFAULT).or_else(|| self.0.values().next());
        &*default.expect("a bus has a transport").transport
    }
}

/// The scheme of a URL.
pub(super) fn system(url: &str) -> Arc<str> {
    url.split(':').next().unwrap_or(url).into()
}
