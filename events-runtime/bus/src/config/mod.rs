//! The configuration: `events.toml` and the environment.
//!
//! ```toml
//! [service]
//! name = "shop"
//! topic_prefix = "dev"
//! expect = ["org.acme.orders.order.placed.v1"]
//!
//! [bus]
//! url = "sqlite://events.db"
//!
//! [routes."org.acme.orders.order.placed.v1"]
//! orders = { key = "customer.id" }
//! audit  = { transport = "audit" }
//!
//! [transports.audit]
//! url = "memory:audit"
//!
//! [topics.orders]
//! retain_age = "7d"
//!
//! [consumers.orders]
//! billing = { max_attempts = 20, concurrency = 4 }
//! ```
//!
//! Later files override earlier ones, and the environment overrides all files. Tables merge key by key: an
//! overlay with `enabled = false` for one topic of one event type changes nothing else. [`Config::explain`]
//! shows the source of every setting. Loading validates everything: a [`ConfigError`] lists all problems,
//! each with its location and key.
//!
//! Durations are written with their unit, such as `250ms`, `5s`, `1h30m` or `7d`, as in the settings of a URL;
//! see [`parse_duration`](events_transport::parse_duration).
//!
//! # Environment
//! The variable of a key is `EVENTS_`, then the key in capitals with two underscores between its parts:
//! `EVENTS_BUS__URL`, `EVENTS_BUS__CONSUMER__LEASE`. Names of your own (event types, topics, groups) are
//! written exactly, or in capitals with an underscore for each other character:
//! `EVENTS_ROUTES__ORG_ACME_ORDERS_ORDER_PLACED_V1__ORDERS__ENABLED=false`. The second form finds event
//! types that are linked or named in a file, and topics, groups and transports that are named in a file;
//! others are taken in lower case. Lists are separated by commas.
//!
//! A variable with the name of a key but wrong underscores, such as `EVENTS_BUS_URL`, is an error. Any
//! other variable that starts with `EVENTS_` and is not a setting is ignored, with one warning: Kubernetes
//! sets `EVENTS_BUS_PORT` and similar ones for a service named `events-bus`. A setting with another prefix,
//! such as `events_bus__url`, is ignored with a warning too. The commands of `cli` print the warnings on
//! standard error, and the error for a missing setting lists the ignored variables.

mod check;
mod consumers;
mod environment;
mod error;
mod explain;
mod file;
mod key_path;
mod loader;
mod section;
mod settings;
mod source;
#[cfg(test)]
mod tests;
mod transports;
mod tree;
mod unread_variable;
mod url;
mod value;

use std::collections::BTreeMap;
use std::path::Path;

pub use check::{Resolved, ResolvedRoute};
pub use consumers::GroupSettings;
pub use error::{ConfigError, Problem};
pub use explain::{Explained, Explanation};
pub use key_path::{KeyPath, KeyPathError};
pub use loader::ConfigBuilder;
pub use settings::{
    BusSettings, ConsumerSettings, Exhausted, RetrySettings, Route, ServiceSettings, UnhandledEvents,
    UnknownEvents, UnknownSchema,
};
pub use source::Source;
pub use transports::{TransportSettings, UnknownTransport};
pub(crate) use unread_variable::warn_once;
pub use url::{BusUrl, BusUrlError};

use events_transport::{ConnectOptions, ConsumerGroup, NameError, Retention, Topic, TransportName};

/// A loaded and validated configuration.
///
/// Loading does not need the definitions: [`Config::check`], which the bus calls at its start, checks event
/// types and keys against them.
#[derive(Debug, Clone)]
pub struct Config {
    service: ServiceSettings,
    bus: BusSettings,
    transports: transports::Transports,
    routes: Vec<Route>,
    topics: BTreeMap<Topic, Retention>,
    groups: consumers::Groups,
    explanation: Explanation,
    warnings: Vec<Problem>,
}

impl Config {
    /// Loads a file, overridden by the environment.
    ///
    /// # Errors
    /// A [`ConfigError`] that lists all problems of the file and of the environment.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Self::builder().file(path).environment().load()
    }

    /// Parses TOML text and ignores the environment.
    ///
    /// ```
    /// use events_runtime::config::Config;
    ///
    /// let config = Config::from_toml("[bus]\nurl = 'memory:'")?;
    /// assert_eq!(config.bus().url.scheme(), "memory");
    /// # Ok::<(), events_runtime::config::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// A [`ConfigError`] that lists all problems of the text.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::builder().toml("config", text).load()
    }

    /// Starts with an empty configuration. Files, texts and the environment override each other in the
    /// order in which they are added.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }

    /// The `[service]` table.
    pub fn service(&self) -> &ServiceSettings {
        &self.service
    }

    /// The `[bus]` table.
    pub fn bus(&self) -> &BusSettings {
        &self.bus
    }

    /// The `[transports.NAME]` tables. They do not include the transport of `[bus]`; see
    /// [`transport`](Self::transport).
    pub fn transports(&self) -> &BTreeMap<TransportName, TransportSettings> {
        &self.transports
    }

    /// The `[routes]` tables, one entry for each pair of event type and topic, sorted.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The retention of a topic, by its base name: from `[topics.NAME]`, otherwise from `[bus]`. A topic of
    /// [dead letters](Topic::holds_dead_letters) without such a table keeps everything.
    pub fn retention(&self, topic: &Topic) -> Retention {
        let usual = if topic.holds_dead_letters() { Retention::unlimited() } else { self.bus.retention };
        self.topics.get(topic).copied().unwrap_or(usual)
    }

    /// The topics that have a `[topics.NAME]` table, by base name.
    pub fn topics(&self) -> &BTreeMap<Topic, Retention> {
        &self.topics
    }

    /// The settings of a group's consumers of a topic, by the topic's base name: from
    /// `[consumers.TOPIC.GROUP]`, otherwise from `[bus]`.
    pub fn group(&self, topic: &Topic, group: &ConsumerGroup) -> GroupSettings {
        let own = self.groups.get(topic).and_then(|groups| groups.get(group));
        own.cloned().unwrap_or_else(|| GroupSettings::of(&self.bus))
    }

    /// The options of the transport of `[bus]` in addition to its URL; topics have their full names.
    ///
    /// # Errors
    /// The prefixed name of a topic is too long; a loaded configuration has no such topic.
    pub fn connect_options(&self) -> Result<ConnectOptions, NameError> {
        self.connect_options_of(&TransportSettings::of(&self.bus))
    }

    /// The options of a [transport](Self::transport) in addition to its URL; topics have their full names.
    ///
    /// # Errors
    /// The prefixed name of a topic is too long; a loaded configuration has no such topic.
    pub fn connect_options_of(&self, transport: &TransportSettings) -> Result<ConnectOptions, NameError> {
        let mut options = ConnectOptions::new().retention(transport.retention);
        options.client.clone_from(&self.service.name);
        for (topic, retention) in &self.topics {
            let full = topic.with_prefix(self.service.topic_prefix.as_ref())?;
            options.topics.insert(full, *retention);
        }
        Ok(options)
    }

    /// All settings with their values and sources, without passwords.
    pub fn explain(&self) -> &Explanation {
        &self.explanation
    }

    /// Warnings: variables that start with `EVENTS_` and are not settings. Each is logged once per process.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}
