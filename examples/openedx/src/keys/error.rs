//! The error for text in an unknown form.

use std::fmt;

/// Text that opaque-keys would reject as well.
///
/// If a newer program may have written it, in a form that is unknown here, keep it with `from_text`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidKey {
    pub(super) what: &'static str,
    pub(super) forms: &'static str,
    pub(super) len: usize,
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the text itself, which can be long and arbitrary.
        write!(f, "not a {} ({} bytes), expected {}", self.what, self.len, self.forms)
    }
}

impl std::error::Error for InvalidKey {}

/// The text of a key in an unknown form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Verbatim(pub(super) String);

impl Verbatim {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Verbatim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
