//! An Avro schema as its file says it, every name in full.

use std::fmt;

use serde_json::Value;

/// The name of a record or an enum.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FullName {
    /// Empty where there is none.
    pub(super) namespace: String,
    pub(super) name: String,
}

impl FullName {
    /// The name that `text` means inside of `enclosing`.
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

/// What has no name in Avro and no parts.
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
    /// A record or an enum, defined here or before.
    Named(FullName),
    /// So many bytes.
    Fixed(u64),
}

/// A record or an enum.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: FullName,
    pub(super) doc: Option<String>,
    pub(super) aliases: Vec<String>,
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
    pub(super) labels: Labels,
    pub(super) schema: Schema,
}

/// What a field has beside its type.
#[derive(Debug, Clone)]
pub(super) struct Labels {
    pub(super) name: String,
    pub(super) doc: Option<String>,
    pub(super) aliases: Vec<String>,
    pub(super) pii: bool,
    pub(super) default: Option<Value>,
}

/// Whether a text is a name as Avro has them.
pub(super) fn is_avro_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
