//! The source of a value.

use std::fmt;
use std::sync::Arc;

/// The source of a setting's value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The setting's default.
    Default,
    /// A line of a file or of a named text.
    File {
        /// The file's path, as given.
        name: Arc<str>,
        /// The line, counted from 1; 0 means the whole file.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// The variable's name.
        variable: Arc<str>,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line: 0 } => f.write_str(name),
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
        }
    }
}
