//! What the bus is told from outside: `events.toml` and the environment.
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
//! audit  = { enabled = false }
//!
//! [topics.orders]
//! retain_age = "7d"
//!
//! [consumers.orders]
//! billing = { max_attempts = 20, concurrency = 4 }
//! ```
//!
//! Files are laid over each other in the order they are given, the environment comes last, and
//! tables merge key by key: an overlay that says `enabled = false` for one topic of one event
//! type changes nothing else. [`Config::explain`] tells for every setting where its value comes
//! from. A configuration is read as a whole: a [`ConfigError`] lists every problem, each with
//! its place and key.
//!
//! # Environment
//! The variable of a key is `EVENTS_`, then the key in capitals with two underscores between its
//! parts: `EVENTS_BUS__URL`, `EVENTS_BUS__CONSUMER__LEASE`. The parts that are names of your
//! own (event types, topics, groups) are written either exactly or in capitals with an underscore for
//! each other character: `EVENTS_ROUTES__ORG_ACME_ORDERS_ORDER_PLACED_V1__ORDERS__ENABLED=false`.
//! The second form finds event types that a file names or that are linked into the program, and
//! topics and groups that a file names; one that no file names is taken in lower case. Lists are
//! separated by commas.
//!
//! A variable that is a key but for its underscores, such as `EVENTS_BUS_URL`, is an error. Any other
//! variable that begins with `EVENTS_` and is no setting is ignored, with one warning: Kubernetes sets
//! `EVENTS_BUS_PORT` and the like for a service of the name `events-bus`.
//! A setting under a name that begins otherwise, such as `events_bus__url`, is ignored with a warning too.
//! The commands of `cli` tell the warnings on standard error, and where something is missing
//! the error names what was not read.

mod check;
mod consumers;
mod environment;
mod error;
mod explain;
mod file;
mod key_path;
mod loader;
pub(crate) mod nearest;
mod section;
mod settings;
mod source;
#[cfg(test)]
mod tests;
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
    BusSettings, ConsumerSettings, Exhausted, RetrySettings, Route, ServiceSettings, UnknownEvents,
};
pub use source::Source;
pub(crate) use unread_variable::warn_once;
pub use url::{BusUrl, BusUrlError};
#[cfg(feature = "cli")]
pub(crate) use value::parse_duration;

use crate::transport::{ConnectOptions, ConsumerGroup, NameError, Retention, Topic};

/// A read and validated configuration.
///
/// It stands for itself: what it says of event types is checked against the linked definitions
/// by [`Config::check`], which the bus calls at its start.
#[derive(Debug, Clone)]
pub struct Config {
    service: ServiceSettings,
    bus: BusSettings,
    routes: Vec<Route>,
    topics: BTreeMap<Topic, Retention>,
    groups: consumers::Groups,
    explanation: Explanation,
    warnings: Vec<Problem>,
}

impl Config {
    /// Reads a file, then the environment over it.
    ///
    /// # Errors
    /// A [`ConfigError`] that lists everything wrong in the file and in the environment.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Self::builder().file(path).environment().load()
    }

    /// Reads TOML text; the environment is left aside.
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
    /// A [`ConfigError`] that lists everything wrong in the text.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::builder().toml("config", text).load()
    }

    /// Starts from nothing: files, texts and the environment are laid over each other in the
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

    /// The `[routes]` tables, one entry for each pair of event type and topic, sorted.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// What a topic keeps, by its base name: its own `[topics.NAME]`, else what `[bus]` says; a topic
    /// of [dead letters](Topic::holds_dead_letters) without one of its own keeps everything.
    pub fn retention(&self, topic: &Topic) -> Retention {
        let usual = if topic.holds_dead_letters() { Retention::unlimited() } else { self.bus.retention };
        self.topics.get(topic).copied().unwrap_or(usual)
    }

    /// The topics that have a `[topics.NAME]` table, by base name.
    pub fn topics(&self) -> &BTreeMap<Topic, Retention> {
        &self.topics
    }

    /// What a group's consumers of a topic go by, by the topic's base name: its own
    /// `[consumers.TOPIC.GROUP]`, else what `[bus]` says.
    pub fn group(&self, topic: &Topic, group: &ConsumerGroup) -> GroupSettings {
        let own = self.groups.get(topic).and_then(|groups| groups.get(group));
        own.cloned().unwrap_or_else(|| GroupSettings::of(&self.bus))
    }

    /// What the transport is told besides its URL; topics bear their full names there.
    ///
    /// # Errors
    /// A topic's name that is too long with its prefix; a loaded configuration has none.
    pub fn connect_options(&self) -> Result<ConnectOptions, NameError> {
        let mut options = ConnectOptions::new().retention(self.bus.retention);
        options.client.clone_from(&self.service.name);
        for (topic, retention) in &self.topics {
            let full = topic.with_prefix(self.service.topic_prefix.as_ref())?;
            options.topics.insert(full, *retention);
        }
        Ok(options)
    }

    /// Every setting with its value and where that came from; no passwords.
    pub fn explain(&self) -> &Explanation {
        &self.explanation
    }

    /// What is suspicious and no error: variables that begin with `EVENTS_` and are no settings. Each is
    /// logged once in a process.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}
