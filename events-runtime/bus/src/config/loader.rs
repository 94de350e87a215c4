//! Loads the layers of a configuration, in their order.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, Problem};
use super::source::Source;
use super::tree::Node;
use super::unread_variable::warn_once;
use super::{Config, environment, file, settings};

/// Collects the layers of a [`Config`]; each one overrides those before it.
#[derive(Default)]
#[must_use = "call `load` to read the configuration"]
pub struct ConfigBuilder {
    layers: Vec<Layer>,
}

enum Layer {
    File { path: PathBuf, optional: bool },
    Text { name: String, text: String },
    Variables(Vec<(OsString, OsString)>),
}

impl ConfigBuilder {
    /// Adds a TOML file that must exist.
    pub fn file(mut self, path: impl AsRef<Path>) -> Self {
        self.layers.push(Layer::File { path: path.as_ref().to_owned(), optional: false });
        self
    }

    /// Adds a TOML file that may be missing, such as a developer's own overlay.
    pub fn optional_file(mut self, path: impl AsRef<Path>) -> Self {
        self.layers.push(Layer::File { path: path.as_ref().to_owned(), optional: true });
        self
    }

    /// Adds TOML text; problems refer to it as `name`.
    pub fn toml(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.layers.push(Layer::Text { name: name.into(), text: text.into() });
        self
    }

    /// Adds the `EVENTS_…` variables of this process's environment.
    pub fn environment(self) -> Self {
        self.variables(std::env::vars_os())
    }

    /// Adds variables as if they were set in the environment.
    pub fn variables<K, V>(mut self, variables: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = variables.into_iter().map(|(k, v)| (k.into(), v.into()));
        self.layers.push(Layer::Variables(variables.collect()));
        self
    }

    /// Loads the layers and validates the result.
    ///
    /// # Errors
    /// A [`ConfigError`] that lists all problems. TOML syntax errors are reported alone, because everything
    /// else depends on them.
    pub fn load(self) -> Result<Config, ConfigError> {
        let mut tree = Node::empty();
        let mut unreadable = Vec::new();
        let mut found = environment::VariableProblems::default();
        for layer in self.layers {
            match layer {
                Layer::Variables(variables) => {
                    environment::overlay(&mut tree, variables, &mut found);
                }
                Layer::Text { name, text } => {
                    overlay(&mut tree, file::parse(&name, &text), &mut unreadable);
                }
                Layer::File { path, optional } => match read(&path, optional) {
                    Ok(None) => {}
                    Ok(Some(text)) => {
                        let parsed = file::parse(&path.to_string_lossy(), &text);
                        overlay(&mut tree, parsed, &mut unreadable);
                    }
                    Err(problem) => unreadable.push(problem),
                },
            }
        }
        let environment::VariableProblems { problems, unknown, service_links } = found;
        let warnings = [unknown.clone(), service_links].concat();
        warn_once(&warnings);
        if !unreadable.is_empty() {
            return Err(ConfigError::new(unreadable));
        }
        // The error also lists the ignored variables: one of them may be meant as the missing setting, and
        // logging may be off.
        let mut config = settings::read(&tree, problems).map_err(|error| error.with(unknown))?;
        config.warnings = warnings;
        Ok(config)
    }
}

impl std::fmt::Debug for ConfigBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The layers may hold passwords.
        f.debug_struct("ConfigBuilder").field("layers", &self.layers.len()).finish()
    }
}

fn overlay(tree: &mut Node, layer: Result<Node, Vec<Problem>>, problems: &mut Vec<Problem>) {
    match layer {
        Ok(layer) => tree.overlay(layer),
        Err(more) => problems.extend(more),
    }
}

fn read(path: &Path, optional: bool) -> Result<Option<String>, Problem> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if optional && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let source = Source::File { name: path.to_string_lossy().into(), line: 0 };
            Err(Problem::new(source, "", format!("can't be read: {error}")))
        }
    }
}
