//! The schema of a definition, as a tree of constants.
//!
//! The derive macros write one [`Schema`] value per type. JSON text, Parsing Canonical Form, fingerprint and
//! compatibility with published versions are `const fn`s over this tree.
//!
//! The terms are those of the [Avro specification](https://avro.apache.org/docs/1.12.0/specification/).

mod digest;
mod name;
mod of_packed;

pub use digest::generic_name;
#[doc(hidden)]
pub use of_packed::{text_of, tree_of_packed};

/// An Avro schema.
#[derive(Debug, Clone, Copy)]
pub enum Schema {
    /// `"null"`.
    Null,
    /// `"boolean"`: one byte.
    Boolean,
    /// `"int"`: 32 bits, zigzag varint.
    Int,
    /// `"long"`: 64 bits, zigzag varint.
    Long,
    /// `"float"`: four bytes, IEEE 754, little-endian.
    Float,
    /// `"double"`: eight bytes, IEEE 754, little-endian.
    Double,
    /// `"bytes"`: a long, the length, then the bytes.
    Bytes,
    /// `"string"`: a long, the length in bytes, then UTF-8.
    String,
    /// A primitive with a logical type.
    Logical(&'static Logical),
    /// An array of one item type.
    Array(&'static Schema),
    /// A map from strings to one value type.
    Map(&'static Schema),
    /// `["null", T]`. If `T` is a union, its branches follow `"null"` in one union.
    Nullable(&'static Schema),
    /// A union of records: a Rust enum whose variants carry data.
    Union(&'static Union),
    /// A record.
    Record(&'static Record),
    /// An enumeration of names.
    Enum(&'static Enum),
    /// A reference to a type that an enclosing or earlier part of the schema defines.
    Ref(&'static Reference),
}

impl Schema {
    /// The placeholder for a definition that did not compile: a union without branches, which no type that
    /// compiles has.
    #[doc(hidden)]
    pub const UNKNOWN: &'static Self = &Self::Union(&Union {
        name: Name { base: "", arguments: &[], namespace: None },
        branches: &[],
        other: None,
    });
}

/// A primitive schema with a logical type on it.
#[derive(Debug, Clone, Copy)]
pub struct Logical {
    /// The primitive schema of the data.
    pub base: Schema,
    /// The logical type's name, such as `timestamp-micros`.
    pub name: &'static str,
    /// The JSON attributes beside `"type"`, such as `"logicalType":"uuid"`.
    pub attributes: &'static str,
}

/// The name of a record or an enumeration.
#[derive(Debug, Clone, Copy)]
pub struct Name {
    /// The name without a namespace and without generic arguments.
    pub base: &'static str,
    /// The schemas of generic arguments: `Page<Line>` is named `Page_Line`.
    pub arguments: &'static [&'static Schema],
    /// The namespace; `None` inherits that of the enclosing definition.
    pub namespace: Option<&'static str>,
}

/// The Rust type behind a name, which distinguishes two types of one Avro name.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The Rust type, with its module.
    pub rust_type: &'static str,
    /// The file, line and column of its definition.
    pub location: &'static str,
    /// The file that the compiler read, relative to its working directory; empty if unknown.
    pub file: &'static str,
    /// The digest of that file's text, by which `schema lock` recognizes another checkout.
    pub digest: u64,
    /// The fields with another name in the schema: the Rust name and the schema's name.
    pub renamed: &'static [(&'static str, &'static str)],
}

impl Origin {
    /// An origin of which only type and location are known.
    #[must_use]
    pub const fn new(rust_type: &'static str, location: &'static str) -> Self {
        Self { rust_type, location, file: "", digest: 0, renamed: &[] }
    }
}

/// A reference by name to a definition elsewhere in the same schema.
#[derive(Debug, Clone, Copy)]
pub struct Reference {
    /// The name of the definition.
    pub name: Name,
    /// The Rust type behind it.
    pub origin: Origin,
}

/// A record: a Rust struct.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// The record's name.
    pub name: Name,
    /// The Rust type behind it.
    pub origin: Origin,
    /// Aliases: other names that a writer may have used.
    pub aliases: &'static [&'static str],
    /// Further JSON attributes, each after a comma: `,"doc":"…"`.
    pub attributes: &'static str,
    /// The fields, in the order in which a datum holds them.
    pub fields: &'static [Field],
    /// The digest of the record, by which an unchanged one is recognized; 0 if unknown.
    pub digest: u64,
}

/// A field of a [`Record`].
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The field's name.
    pub name: &'static str,
    /// Aliases: other names that a writer may have used.
    pub aliases: &'static [&'static str],
    /// Further JSON attributes, each after a comma: `,"doc":"…"`.
    pub attributes: &'static str,
    /// The field's schema.
    pub schema: &'static Schema,
    /// `EventData::MAY_BE_FALSY` of the field's type.
    pub may_be_falsy: bool,
    /// The default value that the user wrote. A [`Schema::Nullable`] field without one defaults to `null`.
    pub default: Option<Json>,
    /// The default in Open edX's Python, as Python text, where it can't be written as [`default`](Self::default).
    pub python_default: Option<&'static str>,
    /// Whether the field holds personal data and is masked in logs.
    pub pii: bool,
    /// The digest of the field, by which an unchanged one is recognized; 0 if unknown.
    pub digest: u64,
}

/// A union of records, each after the index of its branch.
#[derive(Debug, Clone, Copy)]
pub struct Union {
    /// The Rust enum's name, which becomes part of the names of generic types that contain it.
    pub name: Name,
    /// The branches, in the order of their indexes.
    pub branches: &'static [&'static Record],
    /// The name of the variant `#[event(other)]`, which takes the branches that a reader does not know. It is no
    /// branch itself.
    pub other: Option<&'static str>,
}

impl Union {
    /// The name of the variant `#[event(other)]`, in the form of the branches' names.
    pub(crate) const fn other_name(&self) -> Option<Name> {
        match self.other {
            Some(base) => Some(Name { base, arguments: self.name.arguments, namespace: self.name.namespace }),
            None => None,
        }
    }
}

/// An enumeration: a Rust enum of unit variants.
#[derive(Debug, Clone, Copy)]
pub struct Enum {
    /// The enumeration's name.
    pub name: Name,
    /// The Rust type behind it.
    pub origin: Origin,
    /// Aliases: other names that a writer may have used.
    pub aliases: &'static [&'static str],
    /// Further JSON attributes, each after a comma: `,"doc":"…"`.
    pub attributes: &'static str,
    /// The symbols, in the order of their indexes.
    pub symbols: &'static [&'static str],
    /// The symbol that replaces one that the reader does not know.
    pub default: Option<&'static str>,
    /// The digest of the enumeration, by which an unchanged one is recognized; 0 if unknown.
    pub digest: u64,
}

/// A JSON value in a constant: the default of a field.
#[derive(Debug, Clone, Copy)]
pub struct Json {
    /// The value as JSON text.
    pub text: &'static str,
    /// The value's shape.
    pub kind: JsonKind,
}

/// The shape of a [`Json`] constant.
#[derive(Debug, Clone, Copy)]
pub enum JsonKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// An integer.
    Integer(i128),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// A string, unescaped.
    String(&'static str),
    /// An array.
    Array(&'static [Json]),
    /// An object, in the order written.
    Object(&'static [(&'static str, Json)]),
}

/// A field with only a name and a schema.
#[cfg(test)]
pub(crate) const fn field(name: &'static str, schema: &'static Schema) -> Field {
    Field {
        name,
        aliases: &[],
        attributes: "",
        schema,
        may_be_falsy: true,
        default: None,
        python_default: None,
        pii: false,
        digest: 0,
    }
}
