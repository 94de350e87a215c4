//! The path of a step in errors, and what these errors must not disclose.

use std::borrow::Cow;
use std::sync::Arc;

use crate::codec::error::DecodeError;
use events_schema::view::{FieldView, text};

/// The fields around a step, outermost first; empty if its action has fields itself. Clones share all but the
/// outermost field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldPath(Option<Arc<PathNode>>);

#[derive(Debug, PartialEq, Eq)]
struct PathNode {
    field: PathField,
    inner: FieldPath,
}

/// A field on the path of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathField {
    name: Cow<'static, str>,
    disclosure: Disclosure,
}

/// What an error in a field may disclose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disclosure {
    /// Everything: the reader's field is not personal data.
    Full,
    /// What the decoder discloses of personal data.
    Masked,
    /// No keys of maps: whether a field of the writer only is personal data is not known.
    WithoutKeys,
}

impl PathField {
    /// A field of the reader.
    pub(super) fn of_reader(field: &FieldView<'static>) -> Self {
        let disclosure = if field.pii { Disclosure::Masked } else { Disclosure::Full };
        Self { name: Cow::Borrowed(text(field.name)), disclosure }
    }

    /// A field of the writer that is skipped.
    pub(super) fn of_writer(field: &FieldView<'_>) -> Self {
        Self { name: Cow::Owned(text(field.name).to_owned()), disclosure: Disclosure::WithoutKeys }
    }

    pub(super) fn name(&self) -> Cow<'static, str> {
        self.name.clone()
    }

    /// Adds the field to the path of an error.
    #[cold]
    pub(super) fn wrap(&self, error: DecodeError) -> DecodeError {
        let name = self.name();
        match self.disclosure {
            Disclosure::Full => error.in_any_field(name),
            Disclosure::Masked => error.in_pii_field(name),
            Disclosure::WithoutKeys => error.without_keys().in_any_field(name),
        }
    }
}

impl FieldPath {
    /// This path in an enclosing field.
    pub(super) fn within(self, field: PathField) -> Self {
        Self(Some(Arc::new(PathNode { field, inner: self })))
    }

    /// Adds the fields to the path of an error.
    #[cold]
    pub(super) fn wrap(&self, error: DecodeError) -> DecodeError {
        match &self.0 {
            Some(node) => node.field.wrap(node.inner.wrap(error)),
            None => error,
        }
    }
}

impl From<PathField> for FieldPath {
    fn from(field: PathField) -> Self {
        Self::default().within(field)
    }
}
