//! Which topics an event goes to, and with which key.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::builder::StartError;
use super::destination::Destination;
use super::observe::{EMITTED, Observe};
use super::schemas::NotedSchema;
use super::topic_queue::TopicQueue;
use super::transports::Transports;
use crate::config::{KeyPath, Resolved};
use events_core::avro::DecodeError;
use events_core::internal::{AnyEvent, SignalDescriptor};
use events_transport::{KeySchema, TopicPrefix};

/// A topic that the events of a type go to.
#[derive(Debug)]
pub(super) struct Route {
    /// The topic's base name, followed by ` on NAME` for a named transport; for reports.
    pub(super) name: Arc<str>,
    /// The topic's queue, shared by all event types that go to it.
    pub(super) queue: Arc<TopicQueue>,
    /// The key, if it differs from the definition's.
    key: Option<KeyPath>,
    /// The schema of its last event.
    pub(super) schema: NotedSchema,
}

/// The topics that the events of a type go to.
#[derive(Debug)]
pub(super) struct TypeRoutes {
    /// There is one at least.
    pub(super) routes: Vec<Route>,
    /// The counter of its events, made once: its label is allocated.
    pub(super) emitted: metrics::Key,
}

/// The routes of all event types, and a queue for each of their topics.
#[derive(Debug)]
pub(super) struct Routes {
    by_type: HashMap<&'static str, TypeRoutes, RandomState>,
    /// Sorted by topic and transport.
    pub(super) queues: Vec<Arc<TopicQueue>>,
}

impl Routes {
    pub(super) fn new(
        resolved: Resolved,
        prefix: Option<&TopicPrefix>,
        transports: &Transports,
        observe: &Arc<Observe>,
    ) -> Result<Self, StartError> {
        let mut by_type: HashMap<_, TypeRoutes, _> = HashMap::default();
        let mut queues: BTreeMap<Destination, Arc<TopicQueue>> = BTreeMap::new();
        for route in resolved.routes {
            let system = Arc::clone(&transports.get(&route.transport)?.system);
            let to = Destination { topic: route.topic.with_prefix(prefix)?, transport: route.transport };
            let name = match to.transport.named() {
                None => route.topic.as_str().into(),
                Some(transport) => format!("{} on {transport}", route.topic).into(),
            };
            let queue = queues
                .entry(to.clone())
                .or_insert_with(|| Arc::new(TopicQueue::new(to, system, Arc::clone(observe))));
            let queue = Arc::clone(queue);
            let emitted = || metrics::Key::from_parts(EMITTED, &[("event_type", route.event_type)]);
            let of_type = by_type
                .entry(route.event_type)
                .or_insert_with(|| TypeRoutes { routes: Vec::new(), emitted: emitted() });
            of_type.routes.push(Route { name, queue, key: route.key, schema: NotedSchema::default() });
        }
        Ok(Self { by_type, queues: queues.into_values().collect() })
    }

    /// The routes of an event type; `None` if its events stay in the process.
    pub(super) fn of(&self, event_type: &str) -> Option<&TypeRoutes> {
        self.by_type.get(event_type)
    }
}

impl Route {
    /// The event's key in this topic.
    pub(super) fn key(&self, event: &dyn AnyEvent, datum: &[u8]) -> Result<Option<Bytes>, DecodeError> {
        let mut key = Vec::new();
        if let Some(path) = &self.key {
            path.append_key(datum, &mut key)?;
            return Ok(Some(key.into()));
        }
        Ok(event.append_key(&mut key).then(|| key.into()))
    }

    /// The schema of the keys in this topic; `None` without a key.
    pub(super) fn key_schema(&self, descriptor: &SignalDescriptor) -> Option<KeySchema> {
        match &self.key {
            Some(path) => path.key_schema(),
            None => KeyPath::of_definition(descriptor),
        }
    }
}
