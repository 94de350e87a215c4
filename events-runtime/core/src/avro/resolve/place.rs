//! Where a step stands: what its errors say of their place, and what they must not say.

use std::borrow::Cow;
use std::sync::Arc;

use crate::avro::error::DecodeError;
use events_schema::view::{FieldView, text};

/// The fields that a step stands in, the outermost first; none where the action has fields of its
/// own. A clone shares all but the outermost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place(Option<Arc<Hop>>);

#[derive(Debug, PartialEq, Eq)]
struct Hop {
    field: Field,
    inner: Place,
}

/// A field in an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    name: Cow<'static, str>,
    says: Says,
}

/// What an error within a field may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// All: the reader's field has no mark.
    All,
    /// What the decoder says of a field that the reader marks as personal data.
    NoValue,
    /// No keys of maps: whether a field that the writer alone has is personal data is not known.
    NoKeys,
}

impl Field {
    /// A field of the reader.
    pub(super) fn of_reader(field: &FieldView<'static>) -> Self {
        let says = if field.pii { Says::NoValue } else { Says::All };
        Self { name: Cow::Borrowed(text(field.name)), says }
    }

    /// A field of the writer that is passed over.
    pub(super) fn of_writer(field: &FieldView<'_>) -> Self {
        Self { name: Cow::Owned(text(field.name).to_owned()), says: Says::NoKeys }
    }

    pub(super) fn name(&self) -> Cow<'static, str> {
        self.name.clone()
    }

    /// Adds the field around a fault.
    #[cold]
    pub(super) fn around(&self, fault: DecodeError) -> DecodeError {
        let name = self.name();
        match self.says {
            Says::All => fault.in_any_field(name),
            Says::NoValue => fault.in_pii_field(name),
            Says::NoKeys => fault.without_keys().in_any_field(name),
        }
    }
}

impl Place {
    /// This place within a field around it.
    pub(super) fn within(self, field: Field) -> Self {
        Self(Some(Arc::new(Hop { field, inner: self })))
    }

    /// Adds the fields around a fault.
    #[cold]
    pub(super) fn around(&self, fault: DecodeError) -> DecodeError {
        match &self.0 {
            Some(hop) => hop.field.around(hop.inner.around(fault)),
            None => fault,
        }
    }
}

impl From<Field> for Place {
    fn from(field: Field) -> Self {
        Self::default().within(field)
    }
}
