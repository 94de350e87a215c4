//! The error of a check.

use crate::const_str::ConstStr;

/// A rule that a definition violates, found while it compiles.
#[derive(Debug, Clone, Copy)]
pub struct Violation {
    /// The index of the top-level field that leads to it; the number of fields for the event itself.
    pub field: usize,
    text: ConstStr<1024>,
}

impl Violation {
    pub(super) const fn new(field: usize, parts: &[&str]) -> Self {
        Self { field, text: ConstStr::concat(parts) }
    }

    /// What is wrong and what to do.
    #[must_use]
    pub const fn message(&self) -> &str {
        self.text.as_str()
    }
}
