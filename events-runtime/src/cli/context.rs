//! What every command starts from.

use std::future::Future;

use super::args::Common;
use super::failure::Failure;
use crate::config::{Config, ConfigBuilder, ConfigError};
use crate::registry::{Descriptor, Registry};
use crate::transport::{self, NameError, Topic, Transport};

/// The configuration that is read where none is named.
const DEFAULT_FILE: &str = "events.toml";

/// What every command starts from.
#[derive(Debug)]
pub(super) struct Context {
    common: Common,
}

impl Context {
    pub(super) fn new(common: Common) -> Self {
        Self { common }
    }

    /// Whether the output is for programs.
    pub(super) fn json(&self) -> bool {
        self.common.json
    }

    /// The configuration, with `more` laid over it.
    pub(super) fn config_with(
        &self,
        more: impl FnOnce(ConfigBuilder) -> ConfigBuilder,
    ) -> Result<Config, ConfigError> {
        let builder = Config::builder();
        let builder = if self.common.files.is_empty() {
            builder.optional_file(DEFAULT_FILE)
        } else {
            self.common.files.iter().fold(builder, ConfigBuilder::file)
        };
        more(builder.environment()).load()
    }

    /// The configuration.
    pub(super) fn config(&self) -> Result<Config, ConfigError> {
        self.config_with(|builder| builder)
    }
}

/// The linked definitions, for commands that answer for all of them: of none, an answer would be
/// that all is well for ever.
pub(super) fn linked() -> Result<&'static Registry, Failure> {
    let registry = Registry::linked()?;
    if registry.is_empty() {
        return Err(Failure::failed(
            "no event type is linked: name the crates that define them with `events_runtime::link!`",
        ));
    }
    Ok(registry)
}

/// The definition of an event type.
pub(super) fn descriptor(event_type: &str) -> Result<Descriptor, Failure> {
    let registry = Registry::linked()?;
    match registry.get(event_type) {
        Some(descriptor) => Ok(descriptor),
        // The registry's error offers the nearest names.
        None => Err(Failure::Usage(match registry.expect([event_type]) {
            Err(error) => error.to_string(),
            Ok(()) => format!("the event type `{event_type}` is not linked"),
        })),
    }
}

/// A name that was given; one that can't be is a wrong use.
pub(super) fn named<T>(name: Result<T, NameError>) -> Result<T, Failure> {
    name.map_err(|error| Failure::Usage(error.to_string()))
}

/// The topic of a base name that was given.
pub(super) fn full_topic(config: &Config, name: &str) -> Result<Topic, Failure> {
    let prefix = config.service().topic_prefix.as_ref();
    named(Topic::new(name).and_then(|topic| topic.with_prefix(prefix)))
}

/// The configured transport.
pub(super) fn connect(config: &Config) -> Result<Box<dyn Transport>, Failure> {
    Ok(transport::connect(config.bus().url.expose(), &config.connect_options()?)?)
}

/// Runs a command that needs an async runtime.
pub(super) fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}
