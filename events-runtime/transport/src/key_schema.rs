//! The schema of an event type's keys.

use std::sync::Arc;

/// The field that the keys of an event type are taken from. A [`Message`](super::Message) has a key as text; a
/// transport that stores keys with a schema converts it by [`key_type`](Self::key_type).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeySchema {
    field: Arc<str>,
    key_type: KeyType,
}

/// The Avro type of a key field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// `boolean`; as text `true` or `false`.
    Boolean,
    /// `int`; as text decimal.
    Int,
    /// `long`; as text decimal.
    Long,
    /// `bytes`, unchanged.
    Bytes,
    /// `string`, unchanged.
    String,
}

impl KeySchema {
    /// The keys are the values of a field with this name, without the path to it, and this type.
    pub fn new(field: impl Into<Arc<str>>, key_type: KeyType) -> Self {
        Self { field: field.into(), key_type }
    }

    /// The name of the field, such as `id` for the key `customer.id`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The Avro type of the field.
    #[must_use]
    pub const fn key_type(&self) -> KeyType {
        self.key_type
    }
}

impl KeyType {
    /// The name of the type in an Avro schema.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Bytes => "bytes",
            Self::String => "string",
        }
    }
}
