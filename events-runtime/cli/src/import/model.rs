//! The model of an Avro schema file, with full names.

use std::fmt;

use serde_json::Value;

/// The name of a record or an enum.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FullName {
    /// Empty without a namespace.
    pub(super) namespace: String,
    pub(super) name: String,
}

impl FullName {
    /// Resolves a name in the namespace `enclosing`.
    pub(super) fn resolve(text: &str, enclosing: &str) -> Self {
        let (namespace, name) = text.rsplit_once('.').unwrap_or((enclosing, text));
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for FullName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}.", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// A primitive type of Avro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Primitive {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
}

impl Primitive {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "boolean" => Self::Boolean,
            "int" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "bytes" => Self::Bytes,
            "string" => Self::String,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
        }
    }
}

/// The schema of a field, an item, a value or a branch.
#[derive(Debug)]
pub(super) enum Schema {
    Primitive {
        kind: Primitive,
        logical: Option<String>,
    },
    Array(Box<Schema>),
    Map(Box<Schema>),
    Union(Vec<Schema>),
    /// A record or an enum.
    Named(FullName),
    /// A fixed type of this size in bytes.
    Fixed(u64),
}

/// A record or an enum.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: FullName,
    pub(super) doc: Option<String>,
    pub(super) aliases: Vec<String>,
    /// In a union with this record: the name of the variant that takes unknown branches.
    pub(super) other: Option<String>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Record(Vec<Field>),
    Enum { symbols: Vec<String>, default: Option<String> },
}

/// A field of a record.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) attributes: FieldAttributes,
    pub(super) schema: Schema,
}

/// The attributes of a field, except its type.
#[derive(Debug, Clone)]
pub(super) struct FieldAttributes {
    pub(super) name: String,
    pub(super) doc: Option<String>,
    pub(super) aliases: Vec<String>,
    pub(super) pii: bool,
    pub(super) default: Option<Value>,
}

/// Whether a text is a valid name without a namespace.
pub(super) fn is_avro_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
