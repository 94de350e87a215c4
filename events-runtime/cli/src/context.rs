//! Setup that commands share: configuration, registry, transport, runtime.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::fs;
use std::future::Future;

use super::args::{Common, TransportArg};
use super::failure::Failure;
use super::output;
use events_bus::bus::MissingTopic;
use events_bus::config::{Config, ConfigBuilder, ConfigError};
use events_core::registry::{Descriptor, Registry};
use events_transport as transport;
use events_transport::{ConsumerGroup, NameError, Topic, Transport};

/// The configuration file that is read without `--config`.
const DEFAULT_FILE: &str = "events.toml";
/// The message of commands that need a linked event type and find none.
pub(super) const NONE_LINKED: &str =
    "no event types are linked: link the crates that define them with `events_runtime::link!`";

/// The common options and the configuration files they name.
#[derive(Debug)]
pub(super) struct Context {
    common: Common,
    /// Contents of the `--config` files that are readable. Cached because a pipe can be read only
    /// once and some commands load the configuration twice.
    contents: OnceCell<Vec<Option<String>>>,
    /// Whether the configuration's warnings have been printed.
    warned: Cell<bool>,
}

impl Context {
    pub(super) fn new(common: Common) -> Self {
        Self { common, contents: OnceCell::new(), warned: Cell::new(false) }
    }

    /// Whether the output is JSON.
    pub(super) fn json(&self) -> bool {
        self.common.json
    }

    /// Loads the configuration with the sources that `overlay` adds. Prints its warnings once.
    pub(super) fn config_with(
        &self,
        overlay: impl FnOnce(ConfigBuilder) -> ConfigBuilder,
    ) -> Result<Config, ConfigError> {
        let config = self.load(overlay)?;
        // A tracing subscriber at this level has logged the warnings already.
        if !self.warned.replace(true) && !tracing::enabled!(tracing::Level::WARN) {
            warn(&config);
        }
        Ok(config)
    }

    fn load(&self, overlay: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Result<Config, ConfigError> {
        let builder = Config::builder();
        let builder = if self.common.files.is_empty() {
            builder.optional_file(DEFAULT_FILE)
        } else {
            let files = &self.common.files;
            let contents = self
                .contents
                .get_or_init(|| files.iter().map(|file| fs::read_to_string(file).ok()).collect());
            files.iter().zip(contents).fold(builder, |builder, (file, content)| match content {
                Some(content) => builder.toml(file.to_string_lossy(), content),
                // The builder reads the file again and reports the error.
                None => builder.file(file),
            })
        };
        overlay(builder.environment()).load()
    }

    /// Loads the configuration. Prints its warnings once.
    pub(super) fn config(&self) -> Result<Config, ConfigError> {
        self.config_with(|builder| builder)
    }

    /// Loads the configuration without printing its warnings.
    pub(super) fn config_without_warnings(&self) -> Result<Config, ConfigError> {
        self.load(|builder| builder)
    }
}

/// Prints a configuration's warnings. Warnings with the same message share one line, since
/// Kubernetes may set many unrelated variables in a pod.
fn warn(config: &Config) {
    let mut by_message = BTreeMap::<_, Vec<_>>::new();
    for warning in config.warnings() {
        by_message.entry(warning.message()).or_default().push(warning);
    }
    for warnings in by_message.into_values() {
        let [first, more @ ..] = warnings.as_slice() else { continue };
        match more.len() {
            0 => output::eprint(format_args!("warning: {first}")),
            count => {
                output::eprint(format_args!("warning: {first} (and {count} more: `doctor` lists them)"));
            }
        }
    }
}

/// The linked registry, for commands that process every definition. An empty registry is an error,
/// so that a missing `link!` can't pass for success.
pub(super) fn linked_registry() -> Result<&'static Registry, Failure> {
    let registry = Registry::linked()?;
    if registry.is_empty() {
        return Err(Failure::failed(NONE_LINKED));
    }
    Ok(registry)
}

/// The definition of an event type.
pub(super) fn descriptor(event_type: &str) -> Result<Descriptor, Failure> {
    let registry = Registry::linked()?;
    match registry.get(event_type) {
        Some(descriptor) => Ok(descriptor),
        // The registry's error suggests similar names.
        None => Err(Failure::Usage(match registry.expect([event_type]) {
            Err(error) => error.to_string(),
            Ok(()) => format!("event type `{event_type}` is not linked"),
        })),
    }
}

/// Turns an invalid name from the command line into a usage error.
pub(super) fn valid_name<T>(name: Result<T, NameError>) -> Result<T, Failure> {
    name.map_err(|error| Failure::Usage(error.to_string()))
}

/// Adds the configured prefix to a topic name from the command line.
pub(super) fn full_topic(config: &Config, name: &str) -> Result<Topic, Failure> {
    let prefix = config.service().topic_prefix.as_ref();
    valid_name(Topic::new(name).and_then(|topic| topic.with_prefix(prefix)))
}

/// Fails if there is no such topic, with the topics that may be meant. `base` is its name without the prefix.
pub(super) async fn require_topic(
    transport: &dyn Transport,
    config: &Config,
    base: &Topic,
) -> Result<(), Failure> {
    match MissingTopic::check(transport, base, config.service().topic_prefix.as_ref()).await? {
        Some(missing) => Err(missing.into()),
        None => Ok(()),
    }
}

/// Connects to a transport of the configuration.
pub(super) fn connect(config: &Config, name: &str) -> Result<Box<dyn Transport>, Failure> {
    let settings = config.transport(name).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(transport::connect(settings.url.expose(), &config.connect_options_of(&settings)?)?)
}

impl TransportArg {
    /// Connects to the transport of a group's topic, by the topic's base name.
    pub(super) fn connect(
        &self,
        config: &Config,
        topic: &str,
        group: &ConsumerGroup,
    ) -> Result<Box<dyn Transport>, Failure> {
        match &self.name {
            Some(name) => connect(config, name),
            None => connect(config, config.group(&valid_name(Topic::new(topic))?, group).transport.as_str()),
        }
    }
}

/// Runs a command that needs an async runtime.
pub(super) fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}
