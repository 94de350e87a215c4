//! Which topics an event goes to, under which key.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::error::OutboundError;
use crate::config::{KeyPath, Resolved};
use crate::hub::AnyEvent;
use crate::transport::{NameError, Topic, TopicPrefix};

/// One topic that the events of a type go to.
#[derive(Debug)]
pub(super) struct Route {
    /// The topic's base name, for reports.
    pub(super) name: Arc<str>,
    /// The topic at the broker, with the prefix.
    pub(super) topic: Topic,
    /// The key, where it is not the definition's own.
    key: Option<KeyPath>,
}

/// The routes of all event types.
#[derive(Debug)]
pub(super) struct Routes(HashMap<&'static str, Vec<Route>>);

impl Routes {
    pub(super) fn new(resolved: Resolved, prefix: Option<&TopicPrefix>) -> Result<Self, NameError> {
        let mut routes: HashMap<_, Vec<_>> = HashMap::new();
        for route in resolved.routes {
            let topic = route.topic.with_prefix(prefix)?;
            let name = route.topic.as_str().into();
            routes.entry(route.event_type).or_default().push(Route { name, topic, key: route.key });
        }
        Ok(Self(routes))
    }

    /// The routes of an event type; none where it stays in the process.
    pub(super) fn of(&self, event_type: &str) -> &[Route] {
        self.0.get(event_type).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Route {
    /// The event's key in this topic.
    pub(super) fn key(&self, event: &dyn AnyEvent, datum: &[u8]) -> Result<Option<Bytes>, OutboundError> {
        let mut key = Vec::new();
        if let Some(path) = &self.key {
            path.append_key(datum, &mut key).map_err(OutboundError::Key)?;
            return Ok(Some(key.into()));
        }
        Ok(event.append_key(&mut key).then(|| key.into()))
    }
}
