//! Collects all problems of a configuration.

use std::fmt;

use super::source::Source;

/// A problem: what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    source: Source,
    key: String,
    message: String,
}

impl Problem {
    pub(super) fn new(source: Source, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { source, key: key.into(), message: message.into() }
    }

    /// The location; [`Source::Default`] for a setting that is not set.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The key, as TOML writes it; empty if the problem concerns a whole file.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong and what to do.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source != Source::Default {
            write!(f, "{}: ", self.source)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// An invalid configuration, with all its problems.
///
/// Each line of the text gives the location, the key, the problem and the fix. Passwords in URLs are
/// masked.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    pub(super) fn with(mut self, more: Vec<Problem>) -> Self {
        self.problems.extend(more);
        self
    }

    /// All problems, in the order in which the tables are read; at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [only] => write!(f, "the configuration has 1 problem: {only}"),
            many => {
                write!(f, "the configuration has {} problems:", many.len())?;
                many.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

/// Like [`Display`](fmt::Display), because a `main` that returns the error shows this text to the author of
/// the file.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}
