//! Where a value was written.

use std::fmt;
use std::sync::Arc;

/// Where the value of a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Nobody wrote it: the setting's default.
    Default,
    /// A line of a file, or of a text given under this name.
    File {
        /// The file's path as it was given.
        name: Arc<str>,
        /// The line, counted from 1; 0 stands for the file as a whole.
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
