//! The error for texts of no known form.

use std::fmt;

/// A text that opaque-keys would refuse as well.
///
/// Keep it all the same with `from_text`, where it comes from somebody who may know more forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidKey {
    pub(super) what: &'static str,
    pub(super) forms: &'static str,
    pub(super) len: usize,
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the text itself, which can be long and arbitrary.
        write!(f, "a text of {} bytes is no {}: write {}", self.len, self.what, self.forms)
    }
}

impl std::error::Error for InvalidKey {}

/// The text of a key in a form that is not known here.
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
