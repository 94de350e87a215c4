//! A field path such as `customer.id`, resolved once in a schema.

use events_core::avro::{DecodeError, Reader, Schema};
use events_core::internal::{SignalDescriptor, skip};
use events_schema::tree::{Field, Logical, Record};
use events_schema::view::{Shape, View, text};
use events_support::nearest::nearest;
use events_transport::{KeySchema, KeyType};

/// The path from an event's root record to its key field.
///
/// All fields before the last are records, so every event has the key.
#[derive(Debug, Clone)]
pub struct KeyPath {
    text: String,
    root: &'static Schema,
    steps: Vec<usize>,
}

/// A path that does not lead to a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyPathError {
    /// A part of the path is empty.
    #[error("`{path}` is not a field path; use one such as `customer.id`")]
    Malformed {
        /// The path as written.
        path: String,
    },
    /// The record has no such field.
    #[error("`{record}` has no field `{field}`; {hint}")]
    UnknownField {
        /// The path to the record, or the event's name.
        record: String,
        /// The unknown field.
        field: String,
        /// The nearest name, and the existing fields.
        hint: String,
    },
    /// A field on the path is optional.
    #[error(
        "`{at}` is optional, and an event without it would have no key; \
         choose a field that is always there"
    )]
    Optional {
        /// The path to the field.
        at: String,
    },
    /// A field on the path is not a record.
    #[error("`{at}` is {kind} and has no fields; every field before the last must be a record")]
    NotARecord {
        /// The path to the field.
        at: String,
        /// The field's type.
        kind: &'static str,
    },
    /// The last field can't be a key.
    #[error("`{at}` is {kind}; a key is a string, a whole number or a uuid{hint}")]
    NotAKey {
        /// The path to the field.
        at: String,
        /// The field's type.
        kind: &'static str,
        /// For a record, its fields that could be the key.
        hint: String,
    },
}

impl KeyPath {
    /// Resolves a path, with dots between its parts, in the schema of an event.
    ///
    /// # Errors
    /// A [`KeyPathError`] with the invalid part and the existing fields.
    pub fn resolve(root: &'static Schema, path: &str) -> Result<Self, KeyPathError> {
        let mut schema = root;
        let mut steps = Vec::new();
        let mut walked = String::new();
        for name in path.split('.') {
            if name.is_empty() {
                return Err(KeyPathError::Malformed { path: path.to_owned() });
            }
            let record = record_at(schema, &walked)?;
            let (step, field) = find(record, &walked, name)?;
            if !walked.is_empty() {
                walked.push('.');
            }
            walked.push_str(name);
            steps.push(step);
            schema = field.schema;
        }
        check_leaf(schema, &walked)?;
        Ok(Self { text: walked, root, steps })
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The schema in which the path was resolved.
    pub fn root(&self) -> &'static Schema {
        self.root
    }

    /// Appends the key of an encoded event, as [`EventKey`](events_core::EventKey) writes it: text unchanged,
    /// numbers in decimal.
    ///
    /// # Errors
    /// The bytes are not a datum of the path's schema.
    pub fn append_key(&self, datum: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let mut reader = Reader::new(datum);
        let mut schema = View::tree(self.root);
        for step in &self.steps {
            let Shape::Record(record) = schema.shape() else { break };
            for field in (0..*step).map(|index| record.field(index)) {
                skip(field.schema, &mut reader).map_err(|error| error.in_field(text(field.name)))?;
            }
            schema = record.field(*step).schema;
        }
        match schema.shape() {
            Shape::Int | Shape::Long => out.extend(reader.long()?.to_string().into_bytes()),
            _ => out.extend_from_slice(reader.string()?.as_bytes()),
        }
        Ok(())
    }

    /// The schema of the keys.
    pub fn key_schema(&self) -> Option<KeySchema> {
        let mut schema = self.root;
        let mut name = "";
        for step in &self.steps {
            let Schema::Record(record) = schema else { return None };
            let field = record.fields.get(*step)?;
            (name, schema) = (field.name, field.schema);
        }
        Some(KeySchema::new(name, key_type(schema)?))
    }

    /// The schema of a definition's keys; `None` without a key.
    pub fn of_definition(descriptor: &SignalDescriptor) -> Option<KeySchema> {
        let mut schema = descriptor.schema;
        let mut last = None;
        for name in descriptor.key {
            let Schema::Record(record) = schema else { return None };
            let renamed = record.origin.renamed.iter().find(|(rust, _)| rust == name);
            let name = renamed.map_or(*name, |(_, name)| *name);
            let field = record.fields.iter().find(|field| field.name == name)?;
            schema = field.schema;
            last = Some(name);
        }
        Some(KeySchema::new(last?, key_type(schema)?))
    }

    /// Whether any field on the path is marked as personal data.
    pub fn is_personal(&self) -> bool {
        let mut schema = self.root;
        self.steps.iter().any(|step| {
            let Schema::Record(record) = schema else { return false };
            let Some(field) = record.fields.get(*step) else { return false };
            schema = field.schema;
            field.pii
        })
    }

    /// All paths of a schema that lead to a possible key.
    pub(crate) fn all(root: &'static Schema) -> Vec<Self> {
        let mut found = Vec::new();
        collect(root, &mut Vec::new(), &mut Vec::new(), &mut |names: &[&str], steps: &[usize]| {
            found.push(Self { text: names.join("."), root, steps: steps.to_vec() });
        });
        found
    }

    /// The index of the field in each record on the path.
    pub fn steps(&self) -> &[usize] {
        &self.steps
    }
}

impl std::fmt::Display for KeyPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for KeyPath {
    fn eq(&self, other: &Self) -> bool {
        self.steps == other.steps && self.text == other.text
    }
}

impl Eq for KeyPath {}

fn collect(
    schema: &'static Schema,
    names: &mut Vec<&'static str>,
    steps: &mut Vec<usize>,
    found: &mut impl FnMut(&[&str], &[usize]),
) {
    match schema {
        // A recursive record refers to itself by name, so the recursion ends here.
        Schema::Record(record) => {
            for (step, field) in record.fields.iter().enumerate() {
                names.push(field.name);
                steps.push(step);
                collect(field.schema, names, steps, found);
                names.pop();
                steps.pop();
            }
        }
        schema if is_key(schema) => found(names, steps),
        _ => {}
    }
}

fn record_at(schema: &'static Schema, at: &str) -> Result<&'static Record, KeyPathError> {
    match schema {
        Schema::Record(record) => Ok(record),
        Schema::Nullable(_) => Err(KeyPathError::Optional { at: at.to_owned() }),
        other => Err(KeyPathError::NotARecord { at: at.to_owned(), kind: kind(other) }),
    }
}

fn find(record: &'static Record, at: &str, name: &str) -> Result<(usize, &'static Field), KeyPathError> {
    let found = record.fields.iter().enumerate().find(|(_, field)| field.name == name);
    found.ok_or_else(|| {
        let names = record.fields.iter().map(|field| field.name);
        let there = list(names.clone());
        KeyPathError::UnknownField {
            record: if at.is_empty() { record.name.base.to_owned() } else { at.to_owned() },
            field: name.to_owned(),
            hint: match nearest(name, names) {
                _ if there.is_empty() => "it has no fields".to_owned(),
                Some(near) => format!("did you mean `{near}`? its fields are {there}"),
                None => format!("its fields are {there}"),
            },
        }
    })
}

fn check_leaf(schema: &'static Schema, at: &str) -> Result<(), KeyPathError> {
    if is_key(schema) {
        return Ok(());
    }
    if let Schema::Nullable(_) = schema {
        return Err(KeyPathError::Optional { at: at.to_owned() });
    }
    let hint = match schema {
        Schema::Record(record) => {
            let keys = record.fields.iter().filter(|field| is_key(field.schema));
            let keys: Vec<_> = keys.map(|field| format!("{at}.{}", field.name)).collect();
            if keys.is_empty() {
                String::new()
            } else {
                format!(", such as {}", list(keys.iter().map(String::as_str)))
            }
        }
        _ => String::new(),
    };
    Err(KeyPathError::NotAKey { at: at.to_owned(), kind: kind(schema), hint })
}

fn is_key(schema: &Schema) -> bool {
    match schema {
        Schema::String | Schema::Int | Schema::Long => true,
        Schema::Logical(Logical { base, name, .. }) => *name == "uuid" && matches!(base, Schema::String),
        _ => false,
    }
}

fn key_type(schema: &Schema) -> Option<KeyType> {
    Some(match schema {
        Schema::Boolean => KeyType::Boolean,
        Schema::Int => KeyType::Int,
        Schema::Long => KeyType::Long,
        Schema::Bytes => KeyType::Bytes,
        Schema::String => KeyType::String,
        Schema::Logical(Logical { base, .. }) => return key_type(base),
        _ => return None,
    })
}

fn kind(schema: &Schema) -> &'static str {
    match schema {
        Schema::Null => "null",
        Schema::Boolean => "a boolean",
        Schema::Int | Schema::Long => "a whole number",
        Schema::Float | Schema::Double => "a float",
        Schema::Bytes => "bytes",
        Schema::String => "a string",
        Schema::Logical(logical) => logical.name,
        Schema::Array(_) => "a list",
        Schema::Map(_) => "a map",
        Schema::Nullable(_) => "optional",
        Schema::Union(_) => "a union",
        Schema::Record(_) => "a record",
        Schema::Enum(_) => "an enumeration",
        Schema::Ref(_) => "a type that contains itself",
    }
}

fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
