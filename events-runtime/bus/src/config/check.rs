//! Checks the configuration against the linked definitions.

use super::Config;
use super::error::{ConfigError, Problem};
use super::key_path::KeyPath;
use super::settings::Route;
use super::transports::UnknownTransport;
use super::tree::join_key;
use events_core::registry::Registry;
use events_support::nearest::nearest;
use events_transport::{Topic, TransportName};

/// A configuration whose event types are linked and whose keys exist.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Resolved {
    /// The enabled routes, sorted by event type and topic; one for each transport of a topic.
    pub routes: Vec<ResolvedRoute>,
}

/// A route: an event type, one of its topics, and its key there.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResolvedRoute {
    /// The event type.
    pub event_type: &'static str,
    /// The topic's base name.
    pub topic: Topic,
    /// The topic's transport.
    pub transport: TransportName,
    /// The key, if it differs from the definition's.
    pub key: Option<KeyPath>,
}

impl Config {
    /// Resolves the event types and keys of the configuration with the definitions of the program.
    ///
    /// # Errors
    /// A [`ConfigError`] that lists every expected or routed event type that is not linked, every key that is
    /// not a field of its event, and every transport that has no table. Disabled routes are ignored.
    pub fn check(&self, registry: &Registry) -> Result<Resolved, ConfigError> {
        self.check_with(registry, &[])
    }

    /// Like [`check`](Self::check); the program provides further transports.
    pub(crate) fn check_with(
        &self,
        registry: &Registry,
        provided: &[TransportName],
    ) -> Result<Resolved, ConfigError> {
        let names = || registry.iter().map(|descriptor| descriptor.event_type());
        let (mut problems, mut unknown_transports) = (Vec::new(), Vec::new());

        for event_type in &self.service().expect {
            if registry.get(event_type).is_none() {
                let source = self.explain().source_of("service.expect");
                let message = not_linked(event_type, names());
                problems.push(Problem::new(source, "service.expect", message));
            }
        }

        let mut check_transport = |parent: String, name: &TransportName| {
            if name.is_default() || self.transports().contains_key(name) || provided.contains(name) {
                return;
            }
            let error = UnknownTransport::new(name.as_str(), self.transports().keys().chain(provided));
            let key = join_key(&parent, "transport");
            unknown_transports.push(Problem::new(self.explain().source_of(&key), key, error.to_string()));
        };
        for route in self.routes().iter().filter(|route| route.enabled) {
            for name in &route.transports {
                check_transport(route_key(route), name);
            }
        }
        for (topic, groups) in &self.groups {
            for (group, settings) in groups {
                let key = join_key(&join_key("consumers", topic.as_str()), group.as_str());
                check_transport(key, &settings.transport);
            }
        }

        let mut routes = Vec::new();
        for route in self.routes().iter().filter(|route| route.enabled) {
            let Some(descriptor) = registry.get(&route.event_type) else {
                let key = join_key("routes", &route.event_type);
                // One problem per event type, not one for each of its topics.
                if problems.iter().all(|problem: &Problem| problem.key() != key) {
                    let message = not_linked(&route.event_type, names());
                    problems.push(Problem::new(self.explain().source_of(&key), key, message));
                }
                continue;
            };
            let key = route.key.as_deref().map(|key| KeyPath::resolve(descriptor.schema(), key));
            match key.transpose() {
                Ok(key) => routes.extend(route.transports.iter().map(|transport| ResolvedRoute {
                    event_type: descriptor.event_type(),
                    topic: route.topic.clone(),
                    transport: transport.clone(),
                    key: key.clone(),
                })),
                Err(error) => {
                    let key = join_key(&route_key(route), "key");
                    let source = self.explain().source_of(&key);
                    problems.push(Problem::new(source, key, error.to_string()));
                }
            }
        }
        problems.append(&mut unknown_transports);
        if problems.is_empty() { Ok(Resolved { routes }) } else { Err(ConfigError::new(problems)) }
    }
}

fn route_key(route: &Route) -> String {
    join_key(&join_key("routes", &route.event_type), route.topic.as_str())
}

fn not_linked<'a>(event_type: &str, linked: impl Iterator<Item = &'a str>) -> String {
    let hint = match nearest(event_type, linked) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "use the crate that defines it with `link!`, so that the linker keeps it".to_owned(),
    };
    format!("the event type `{event_type}` is not linked into this program; {hint}")
}
