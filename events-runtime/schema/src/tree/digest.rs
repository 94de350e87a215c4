//! Digests of a tree; see [`digest`](crate::digest).
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::{Field, Json, Name, Origin, Record, Schema, Union};
use crate::digest::{self, ARRAY, END, MAP, OTHER, PRIMITIVES, RECORD, UNION, add, text};

/// The digest of a generic record's name and aliases.
#[must_use]
pub const fn generic_name(name: &Name, aliases: &[&str]) -> u64 {
    let base = text(name.short().as_bytes());
    let mut digest = add(add(RECORD, base), text(name.namespace_in("").as_bytes()));
    let mut index = 0;
    while index < aliases.len() {
        digest = add(digest, text(aliases[index].as_bytes()));
        index += 1;
    }
    add(digest, END)
}

impl Record {
    /// Adds a record's digest, computed from that of its name and aliases.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(
        name: Name,
        origin: Origin,
        aliases: &'static [&'static str],
        attributes: &'static str,
        named: u64,
        fields: &'static [Field],
    ) -> Self {
        let mut digest = named;
        let mut index = 0;
        while index < fields.len() {
            digest = add(digest, fields[index].digest);
            index += 1;
        }
        Self { name, origin, aliases, attributes, fields, digest }
    }
}

impl Field {
    /// Adds a field's digest, computed from that of its name, aliases and written default.
    #[doc(hidden)]
    #[must_use]
    #[allow(clippy::too_many_arguments, reason = "the derives call it, with one constant for each")]
    pub const fn new(
        name: &'static str,
        aliases: &'static [&'static str],
        attributes: &'static str,
        schema: &'static Schema,
        may_be_falsy: bool,
        default: Option<Json>,
        pii: bool,
        written: u64,
    ) -> Self {
        let written = match (&default, schema) {
            // The default of an option is null unless another is written.
            (None, Schema::Nullable(_)) => add(written, NULL_DEFAULT),
            _ => written,
        };
        let digest = add(written, schema.digest());
        Self { name, aliases, attributes, schema, may_be_falsy, default, python_default: None, pii, digest }
    }

    /// Adds the default of Python's class, which the schema does not have.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_python_default(self, python_default: &'static str) -> Self {
        Self { python_default: Some(python_default), ..self }
    }
}

const NULL_DEFAULT: u64 = text(b"null").rotate_left(1);

impl Schema {
    /// The digest of a schema.
    const fn digest(&self) -> u64 {
        match self {
            Self::Null => PRIMITIVES[0],
            Self::Boolean => PRIMITIVES[1],
            Self::Int => PRIMITIVES[2],
            Self::Long => PRIMITIVES[3],
            Self::Float => PRIMITIVES[4],
            Self::Double => PRIMITIVES[5],
            Self::Bytes => PRIMITIVES[6],
            Self::String => PRIMITIVES[7],
            Self::Logical(logical) => {
                // The numbers of a decimal are in its attributes, which only the full comparison reads.
                add(logical.base.digest(), digest::logical(logical.name, 0, 0))
            }
            Self::Array(items) => add(ARRAY, items.digest()),
            Self::Map(values) => add(MAP, values.digest()),
            Self::Nullable(inner) => match inner {
                Self::Union(union) => branches(add(UNION, PRIMITIVES[0]), union),
                _ => add(add(UNION, PRIMITIVES[0]), inner.digest()),
            },
            Self::Union(union) => branches(UNION, union),
            Self::Record(record) => record.digest,
            Self::Enum(symbols) => symbols.digest,
            Self::Ref(reference) => digest::reference(reference.name.base),
        }
    }
}

const fn branches(digest: u64, union: &Union) -> u64 {
    let (mut digest, mut index) = (digest, 0);
    while index < union.branches.len() {
        digest = add(digest, union.branches[index].digest);
        index += 1;
    }
    if union.other.is_some() { add(digest, OTHER) } else { digest }
}
