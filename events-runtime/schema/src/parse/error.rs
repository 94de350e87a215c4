//! The error of a schema's text.

use std::fmt;

/// The error of a text that is not an Avro schema, with its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// The fields that lead to the error, from the root.
    path: Vec<String>,
    what: String,
}

impl ParseError {
    /// An error at the root.
    pub fn new(what: impl Into<String>) -> Self {
        Self { path: Vec::new(), what: what.into() }
    }

    /// Adds the enclosing field or part to the path.
    pub(super) fn within(mut self, part: &str) -> Self {
        self.path.insert(0, part.to_owned());
        self
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "at `{}`: ", self.path.join("."))?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for ParseError {}
