//! Setting up a bus: everything is checked before anything is attached.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};

use super::error::StartError;
use super::observe::{self, Observe, TracePropagator};
use super::outbound::OutboundQueues;
use super::route::Routes;
use super::sender::{Sender, Sending};
use super::status::Consumers;
use super::writers::Writers;
use super::{EventBus, Inner};
use crate::avro::WriterSchema;
use crate::config::{Config, Resolved};
use crate::hub::{Hub, Outbound};
use crate::registry::{Descriptor, Registry};
use crate::transport::{self, Transport};

/// A bus that is being set up; [`start`](Self::start) starts it.
#[derive(Default)]
#[must_use = "a builder does nothing before `start`"]
pub struct EventBusBuilder {
    config: Option<Config>,
    hub: Option<Hub>,
    registry: Option<&'static Registry>,
    transport: Option<Box<dyn Transport>>,
    writers: Vec<(String, WriterSchema)>,
    propagator: Option<Arc<dyn TracePropagator>>,
}

impl EventBusBuilder {
    /// The configuration. Required.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// The hub whose events leave through the bus, and where consumed ones are emitted. The current
    /// one unless set.
    pub fn hub(mut self, hub: Hub) -> Self {
        self.hub = Some(hub);
        self
    }

    /// The definitions that consumed events are looked up in; the linked ones unless set.
    pub const fn registry(mut self, registry: &'static Registry) -> Self {
        self.registry = Some(registry);
        self
    }

    /// A schema that others write events of this type with: consumed ones are resolved by it.
    ///
    /// The versions that the definition has published are known without it. It is for versions that
    /// came later, of which this program has no more than the schema's file; an operator can put the
    /// file into the folder of `bus.consumer.schemas` as well.
    pub fn writer_schema(mut self, event_type: impl Into<String>, schema: WriterSchema) -> Self {
        self.writers.push((event_type.into(), schema));
        self
    }

    /// A transport of your own, in place of the one that `bus.url` names.
    pub fn transport(mut self, transport: Box<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Who puts the trace context of the emitting code into events, and links the spans of receiving
    /// code to it. Without one, events carry the context that their emitter sets by
    /// [`EmitOptions::extension`](crate::EmitOptions::extension).
    pub fn propagator(mut self, propagator: impl TracePropagator) -> Self {
        self.propagator = Some(Arc::new(propagator));
        self
    }

    /// Checks the configuration against the linked definitions, opens the transport, and attaches
    /// the bus to the hub.
    ///
    /// # Errors
    /// A [`StartError`]; a wrong configuration is one, with every problem in it. Nothing has been
    /// attached then.
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
        let resolved = config.check(registry)?;
        warn(registry, &resolved);
        registry.expect(self.writers.iter().map(|(event_type, _)| event_type))?;
        let writers = Writers::read(registry, config.bus().consumer.schemas.as_deref(), self.writers)?;
        observe::describe();
        let observe = Arc::new(Observe::new(&config, registry, &resolved, prefix.as_ref()).await?);
        let routes = Routes::new(resolved, prefix.as_ref(), &observe)?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => transport::connect(config.bus().url.expose(), &config.connect_options()?)?,
        };
        let producer = transport.producer().await?;

        let settings = config.bus();
        let consuming = watch::Sender::new(settings.consumer.enabled);
        if !settings.consumer.enabled {
            tracing::warn!("consumers take no events: `bus.consumer.enabled` is false");
        }
        let sending = Sending::new(producer, transport.url(), settings);
        let system = Arc::clone(&sending.system);
        let capacity = settings.queue_capacity.get();
        let queues =
            Arc::new(OutboundQueues::new(routes, capacity, Arc::clone(&system), self.propagator.clone()));
        if let Some(name) = &config.service().name {
            hub.set_service_name(name)?;
        }
        let outbound: Arc<dyn Outbound> = Arc::clone(&queues) as _;
        hub.attach(&outbound);
        let senders = queues.topic_queues().iter().map(|queue| {
            let (queue, sending, phase) = (Arc::clone(queue), sending.clone(), queues.phase.subscribe());
            runtime.spawn(Sender { queue, sending, phase }.run())
        });
        let senders = Mutex::new(senders.collect());
        Ok(EventBus(Arc::new(Inner {
            config,
            hub,
            registry,
            writers,
            prefix,
            transport,
            queues,
            outbound,
            senders,
            consuming,
            consumers: Consumers::default(),
            observe,
            system,
            propagator: self.propagator,
        })))
    }
}

/// Says once what the receivers of a routed event may see otherwise than it was sent.
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
