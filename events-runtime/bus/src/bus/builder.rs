//! The builder of a bus. It validates everything before it attaches anything.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};

use super::observe::{self, ErrorLogUnusable, Observe, TracePropagator};
use super::outbound::OutboundQueues;
use super::route::Routes;
use super::schemas::FetchedSchemas;
use super::sender::{Sender, Sending};
use super::status::Consumers;
use super::transports::Transports;
use super::writers::{AmbiguousSchema, SchemasError, Writers, WritersError};
use super::{EventBus, Inner};
use crate::config::{Config, ConfigError, Resolved, UnknownTransport};
use events_core::RegistryError;
use events_core::avro::WriterSchema;
use events_core::hub::Hub;
use events_core::internal::Outbound;
use events_core::metadata::MetadataError;
use events_core::registry::{Descriptor, Registry};
use events_transport::{NameError, Transport, TransportError, TransportName};

/// Builds a bus; [`start`](Self::start) starts it.
#[derive(Default)]
#[must_use = "a builder does nothing before `start`"]
pub struct EventBusBuilder {
    config: Option<Config>,
    hub: Option<Hub>,
    registry: Option<&'static Registry>,
    transports: Vec<(String, Box<dyn Transport>)>,
    writers: Vec<(String, WriterSchema)>,
    propagator: Option<Arc<dyn TracePropagator>>,
}

impl EventBusBuilder {
    /// The configuration. Required.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// The hub whose events the bus sends, and in which it emits consumed events. Default: the current hub.
    pub fn hub(mut self, hub: Hub) -> Self {
        self.hub = Some(hub);
        self
    }

    /// The definitions of the events that the bus can consume. Default: the linked definitions.
    pub const fn registry(mut self, registry: &'static Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// Adds a schema that other programs use to write events of this type. Consumed events are resolved
    /// with it.
    ///
    /// Versions that the definition has published are known already. Use this for later versions, of which
    /// this program has only the schema file. An operator can put that file into the folder
    /// `bus.consumer.schemas` instead.
    pub fn writer_schema(mut self, event_type: impl Into<String>, schema: WriterSchema) -> Self {
        self.writers.push((event_type.into(), schema));
        self
    }

    /// Uses this transport instead of the one that `bus.url` names.
    pub fn transport(self, transport: Box<dyn Transport>) -> Self {
        self.transport_named(TransportName::DEFAULT, transport)
    }

    /// Uses this transport for the name, instead of the one that `[transports.NAME]` describes. The
    /// configuration needs no such table. The name `bus` is the transport of `[bus]`.
    pub fn transport_named(mut self, name: impl Into<String>, transport: Box<dyn Transport>) -> Self {
        self.transports.push((name.into(), transport));
        self
    }

    /// Sets the propagator that writes the emitter's trace context into events and links the spans of
    /// receivers to it. Without a propagator, events carry the context that their emitter sets with
    /// [`EmitOptions::extension`](events_core::EmitOptions::extension).
    pub fn propagator(mut self, propagator: impl TracePropagator) -> Self {
        self.propagator = Some(Arc::new(propagator));
        self
    }

    /// Validates the configuration against the linked definitions, opens the transports, and attaches the
    /// bus to the hub.
    ///
    /// # Errors
    /// A [`StartError`], which lists every problem of an invalid configuration. Nothing is attached in that
    /// case.
    pub async fn start(self) -> Result<EventBus, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let config = self.config.ok_or(StartError::NoConfig)?;
        let hub = self.hub.unwrap_or_else(Hub::current);
        let registry = match self.registry {
            Some(registry) => registry,
            None => Registry::linked()?,
        };
        crate::config::warn_once(config.warnings());
        let prefix = config.service().topic_prefix.clone();
        let mut provided = BTreeMap::new();
        for (name, transport) in self.transports {
            provided.insert(TransportName::new(name)?, transport);
        }
        let names: Vec<_> = provided.keys().filter(|name| !name.is_default()).cloned().collect();
        let resolved = config.check_with(registry, &names)?;
        warn(registry, &resolved);
        registry.expect(self.writers.iter().map(|(event_type, _)| event_type))?;
        let writers = Writers::read(registry, config.bus().consumer.schemas.as_deref(), self.writers)?;
        observe::describe();
        let observe = Observe::new(&config, registry, &resolved, prefix.as_ref())?;
        let observe = Arc::new(observe.open_error_log(&config).await?);
        let transports = Transports::open(&config, provided)?;
        let routes = Routes::new(resolved, prefix.as_ref(), &transports, &observe)?;
        let settings = config.bus();
        let mut sending = BTreeMap::new();
        let default = TransportName::default();
        for name in routes.queues.iter().map(|queue| &queue.to.transport).chain([&default]) {
            if !sending.contains_key(name) {
                let opened = transports.get(name)?;
                let producer = opened.transport.producer().await?;
                let of_transport =
                    Sending::new(&opened.transport, producer, &opened.settings, &settings.retry);
                sending.insert(name.clone(), of_transport);
            }
        }
        let consuming = watch::Sender::new(settings.consumer.enabled);
        if !settings.consumer.enabled {
            tracing::warn!("consumers are paused: `bus.consumer.enabled` is false");
        }
        let capacity = settings.queue_capacity.get();
        let queues = Arc::new(OutboundQueues::new(routes, capacity, self.propagator.clone()));
        if let Some(name) = &config.service().name {
            hub.set_service_name(name)?;
        }
        let outbound: Arc<dyn Outbound> = Arc::clone(&queues) as _;
        hub.attach(&outbound);
        let senders = queues.topic_queues().iter().filter_map(|queue| {
            let sending = sending.get(&queue.to.transport)?.clone();
            let (queue, phase) = (Arc::clone(queue), queues.phase.subscribe());
            Some(runtime.spawn(Sender::new(queue, sending, phase).run()))
        });
        let senders = Mutex::new(senders.collect());
        Ok(EventBus(Arc::new(Inner {
            config,
            hub,
            registry,
            writers,
            schemas: FetchedSchemas::default(),
            prefix,
            transports,
            queues,
            outbound,
            senders,
            consuming,
            consumers: Consumers::default(),
            observe,
            propagator: self.propagator,
        })))
    }
}

/// The reason why a bus did not start. Nothing was attached and nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The builder has no configuration.
    #[error("the bus has no configuration: call `config(Config::load(\"events.toml\")?)` before `start`")]
    NoConfig,
    /// The configuration does not match the linked definitions.
    #[error("the configuration does not match this program")]
    Config(#[from] ConfigError),
    /// The definitions contradict each other.
    #[error("the event definitions of this program are invalid")]
    Registry(#[from] RegistryError),
    /// A file of `bus.consumer.schemas` can't be used.
    #[error("a schema file of another version can't be used")]
    Schemas(#[from] SchemasError),
    /// Two schemas of different meaning have the same fingerprint.
    #[error("two schemas of other versions have the same fingerprint")]
    Ambiguous(#[from] AmbiguousSchema),
    /// The name of a topic or the prefix is invalid.
    #[error("the name of a topic is invalid")]
    Name(#[from] NameError),
    /// The name of the service is invalid.
    #[error("the name of the service is invalid")]
    Service(#[from] MetadataError),
    /// The transport could not be opened.
    #[error("the transport could not be opened")]
    Transport(#[from] TransportError),
    /// No transport has this name.
    #[error(transparent)]
    UnknownTransport(#[from] UnknownTransport),
    /// The file of `bus.error_log` can't be written.
    #[error(
        "{place}: bus.error_log: `{}` can't be written: choose a file in an existing folder", .path.display()
    )]
    ErrorLog {
        /// The path of the file.
        path: PathBuf,
        /// Where the configuration sets the path.
        place: String,
        /// The error of the file system.
        source: std::io::Error,
    },
    /// The call was made outside of a tokio runtime.
    #[error("a bus needs a tokio runtime: call `start` inside of one")]
    NoRuntime,
}

impl From<WritersError> for StartError {
    fn from(error: WritersError) -> Self {
        match error {
            WritersError::Schemas(error) => error.into(),
            WritersError::Ambiguous(error) => error.into(),
        }
    }
}

/// Warns about values that the receivers of a routed event may see differently from how they were sent.
fn warn(registry: &Registry, resolved: &Resolved) {
    let is_routed = |descriptor: &Descriptor| {
        resolved.routes.iter().any(|route| route.event_type == descriptor.event_type())
    };
    for descriptor in registry.iter().filter(is_routed) {
        for warning in descriptor.warnings() {
            tracing::warn!(event_type = descriptor.event_type(), "{warning}");
        }
    }
}

impl From<ErrorLogUnusable> for StartError {
    fn from(ErrorLogUnusable { path, place, source }: ErrorLogUnusable) -> Self {
        Self::ErrorLog { path, place, source }
    }
}
