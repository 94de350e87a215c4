//! One difference between two schemas.

/// One difference between two schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli::schema) struct Change {
    /// The fields that lead to it: `customer.addresses[].zip`; empty for the event itself.
    pub(in crate::cli::schema) path: String,
    pub(in crate::cli::schema) what: What,
    /// What was there; `None` where it is new.
    pub(in crate::cli::schema) from: Option<String>,
    /// What is there; `None` where it is gone.
    pub(in crate::cli::schema) to: Option<String>,
    pub(in crate::cli::schema) breaks: Breaks,
    /// What to ask the author, where the difference may not be meant as it is.
    pub(in crate::cli::schema) question: Option<String>,
}

/// What is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli::schema) enum What {
    Field,
    /// A field that took another name and kept the old one as its alias.
    FieldName,
    Type,
    /// The name of a record, an enumeration or a fixed type.
    TypeName,
    Default,
    Aliases,
    /// The order of a record's fields, an enumeration's symbols or a union's variants.
    Order,
    Symbol,
    Variant,
    /// The event's key, and so the order of the events and the partition of each.
    Key,
    /// Something that no reader looks at: `doc`, or an attribute of the user's own.
    Attribute(String),
}

impl What {
    pub(in crate::cli::schema) fn word(&self) -> &str {
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
            Self::Key => "key",
            Self::Attribute(name) => name,
        }
    }
}

/// For whom a difference is a break.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::cli::schema) struct Breaks {
    /// Readers of the old schema can't read what the new one writes.
    pub(in crate::cli::schema) old_readers: bool,
    /// Readers of the new schema can't read what the old one wrote.
    pub(in crate::cli::schema) new_readers: bool,
}

impl Breaks {
    pub(in crate::cli::schema) const NOTHING: Self = Self { old_readers: false, new_readers: false };

    /// The words for those who can't read.
    pub(in crate::cli::schema) fn words(self) -> impl Iterator<Item = &'static str> {
        let old = self.old_readers.then_some("old readers");
        old.into_iter().chain(self.new_readers.then_some("new readers"))
    }
}
