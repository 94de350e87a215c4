//! What is wrong with the text of a schema.

use std::fmt;

/// A text that is no Avro schema: what is wrong, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFault {
    /// The fields that lead to it, from the root.
    path: Vec<String>,
    what: String,
}

impl SchemaFault {
    /// A fault at the root.
    pub fn new(what: impl Into<String>) -> Self {
        Self { path: Vec::new(), what: what.into() }
    }

    /// Adds the field or the part around the fault.
    pub(super) fn within(mut self, part: &str) -> Self {
        self.path.insert(0, part.to_owned());
        self
    }
}

impl fmt::Display for SchemaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "at `{}`: ", self.path.join("."))?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for SchemaFault {}
