//! What every command starts from.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::fs;
use std::future::Future;

use super::args::Common;
use super::failure::Failure;
use super::output;
use crate::config::{Config, ConfigBuilder, ConfigError};
use crate::registry::{Descriptor, Registry};
use crate::transport::{self, NameError, Topic, Transport};

/// The configuration that is read where none is named.
const DEFAULT_FILE: &str = "events.toml";

/// What every command starts from.
#[derive(Debug)]
pub(super) struct Context {
    common: Common,
    /// The texts of the files that were named and can be read: a pipe has its text only once, and some
    /// commands ask for the configuration twice.
    texts: OnceCell<Vec<Option<String>>>,
    /// Whether the configuration's warnings have been told.
    warned: Cell<bool>,
}

impl Context {
    pub(super) fn new(common: Common) -> Self {
        Self { common, texts: OnceCell::new(), warned: Cell::new(false) }
    }

    /// Whether the output is for programs.
    pub(super) fn json(&self) -> bool {
        self.common.json
    }

    /// The configuration, with `more` laid over it. Tells its warnings, once.
    pub(super) fn config_with(
        &self,
        more: impl FnOnce(ConfigBuilder) -> ConfigBuilder,
    ) -> Result<Config, ConfigError> {
        let config = self.load(more)?;
        // Whoever listens to the log has been told already.
        if !self.warned.replace(true) && !tracing::enabled!(tracing::Level::WARN) {
            warn(&config);
        }
        Ok(config)
    }

    fn load(&self, more: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Result<Config, ConfigError> {
        let builder = Config::builder();
        let builder = if self.common.files.is_empty() {
            builder.optional_file(DEFAULT_FILE)
        } else {
            let files = &self.common.files;
            let texts =
                self.texts.get_or_init(|| files.iter().map(|file| fs::read_to_string(file).ok()).collect());
            files.iter().zip(texts).fold(builder, |builder, (file, text)| match text {
                Some(text) => builder.toml(file.to_string_lossy(), text),
                // What is wrong with it is for the builder to say.
                None => builder.file(file),
            })
        };
        more(builder.environment()).load()
    }

    /// The configuration. Tells its warnings, once.
    pub(super) fn config(&self) -> Result<Config, ConfigError> {
        self.config_with(|builder| builder)
    }

    /// The configuration, whose warnings are for the caller to tell.
    pub(super) fn config_unwarned(&self) -> Result<Config, ConfigError> {
        self.load(|builder| builder)
    }
}

/// Tells a configuration's warnings, those that say the same in one line: in a pod there may be many.
fn warn(config: &Config) {
    let mut alike = BTreeMap::<_, Vec<_>>::new();
    for warning in config.warnings() {
        alike.entry(warning.message()).or_default().push(warning);
    }
    for warnings in alike.into_values() {
        let [first, more @ ..] = warnings.as_slice() else { continue };
        match more.len() {
            0 => output::tell(format_args!("warning: {first}")),
            count => {
                output::tell(format_args!("warning: {first} (and {count} more of them: `doctor` lists all)"));
            }
        }
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
