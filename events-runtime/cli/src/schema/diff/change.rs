//! The model of a difference between two schemas.

/// One difference between two schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) struct Change {
    /// The path of fields, such as `customer.addresses[].zip`; empty for the event itself.
    pub(in crate::schema) path: String,
    pub(in crate::schema) kind: ChangeKind,
    /// The old value; `None` if it was added.
    pub(in crate::schema) from: Option<String>,
    /// The new value; `None` if it was removed.
    pub(in crate::schema) to: Option<String>,
    pub(in crate::schema) breaks: Breaks,
    /// A question to the author, if the change may be unintended.
    pub(in crate::schema) question: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::schema) enum ChangeKind {
    Field,
    /// A renamed field with the old name as an alias.
    FieldName,
    Type,
    /// The name of a record, an enum or a fixed type.
    TypeName,
    Default,
    Aliases,
    /// The order of a record's fields, an enum's symbols or a union's variants.
    Order,
    Symbol,
    Variant,
    /// The variant that stands for those that a reader does not know.
    Other,
    /// The event's key, which determines order and partition.
    Key,
    /// An attribute that readers ignore, such as `doc`.
    Attribute(String),
}

impl ChangeKind {
    /// The name in the output.
    pub(in crate::schema) fn label(&self) -> &str {
        match self {
            Self::Field => "field",
            Self::FieldName => "name",
            Self::Type => "type",
            Self::TypeName => "type's name",
            Self::Default => "default",
            Self::Aliases => "aliases",
            Self::Order => "order",
            Self::Symbol => "symbol",
            Self::Variant => "variant",
            Self::Other => "other",
            Self::Key => "key",
            Self::Attribute(name) => name,
        }
    }
}

/// The readers that a change breaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::schema) struct Breaks {
    /// Readers with the old schema can't read data of the new one.
    pub(in crate::schema) old_readers: bool,
    /// Readers with the new schema can't read data of the old one.
    pub(in crate::schema) new_readers: bool,
}

impl Breaks {
    pub(in crate::schema) const NOTHING: Self = Self { old_readers: false, new_readers: false };

    /// The names of the broken readers in the output.
    pub(in crate::schema) fn labels(self) -> impl Iterator<Item = &'static str> {
        let old = self.old_readers.then_some("old readers");
        old.into_iter().chain(self.new_readers.then_some("new readers"))
    }
}
