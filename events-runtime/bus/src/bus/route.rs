//! Which topics an event goes to, and with which key.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;

use super::observe::Observe;
use super::topic_queue::TopicQueue;
use crate::config::{KeyPath, Resolved};
use events_core::avro::DecodeError;
use events_core::internal::AnyEvent;
use events_transport::{NameError, Topic, TopicPrefix};

/// A topic that the events of a type go to.
#[derive(Debug)]
pub(super) struct Route {
    /// The topic's base name, for reports.
    pub(super) name: Arc<str>,
    /// The topic's queue, shared by all event types that go to it.
    pub(super) queue: Arc<TopicQueue>,
    /// The key, if it differs from the definition's.
    key: Option<KeyPath>,
}

/// The routes of all event types, and a queue for each of their topics.
#[derive(Debug)]
pub(super) struct Routes {
    by_type: HashMap<&'static str, Vec<Route>>,
    /// Sorted by topic.
    pub(super) queues: Vec<Arc<TopicQueue>>,
}

impl Routes {
    pub(super) fn new(
        resolved: Resolved,
        prefix: Option<&TopicPrefix>,
        observe: &Arc<Observe>,
    ) -> Result<Self, NameError> {
        let mut by_type: HashMap<_, Vec<_>> = HashMap::new();
        let mut queues: BTreeMap<Topic, Arc<TopicQueue>> = BTreeMap::new();
        for route in resolved.routes {
            let topic = route.topic.with_prefix(prefix)?;
            let queue = queues
                .entry(topic.clone())
                .or_insert_with(|| Arc::new(TopicQueue::new(topic, Arc::clone(observe))));
            let name = route.topic.as_str().into();
            let queue = Arc::clone(queue);
            by_type.entry(route.event_type).or_default().push(Route { name, queue, key: route.key });
        }
        Ok(Self { by_type, queues: queues.into_values().collect() })
    }

    /// The routes of an event type; empty if its events stay in the process.
    pub(super) fn of(&self, event_type: &str) -> &[Route] {
        self.by_type.get(event_type).map(Vec::as_slice).unwrap_or_default()
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
}
