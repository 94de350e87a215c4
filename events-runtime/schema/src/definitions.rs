//! The named types of a schema, found by name: what a walk at run time needs for recursive types.

use std::collections::HashMap;

use crate::tree::{Name, Record, Reference, Schema, Union};

/// The named types of a schema.
#[derive(Debug, Clone, Default)]
pub struct Definitions {
    named: HashMap<String, Schema>,
}

/// A schema and the namespace around it.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The schema.
    pub schema: Schema,
    /// The namespace of the enclosing definition.
    pub namespace: &'static str,
}

impl Definitions {
    /// All types that are defined in this schema.
    pub fn of(root: &'static Schema) -> Self {
        let mut definitions = Self::default();
        definitions.collect(root, "");
        definitions
    }

    fn collect(&mut self, schema: &'static Schema, namespace: &'static str) {
        match schema {
            Schema::Array(inner) | Schema::Map(inner) | Schema::Nullable(inner) => {
                self.collect(inner, namespace);
            }
            Schema::Record(record) => self.record(record, namespace),
            Schema::Enum(symbols) => {
                self.named.insert(full_name(&symbols.name, namespace), *schema);
            }
            Schema::Union(union) => {
                self.named.insert(union_name(&union.name, namespace), *schema);
                for branch in union.branches {
                    self.record(branch, namespace);
                }
            }
            _ => {}
        }
    }

    fn record(&mut self, record: &'static Record, namespace: &'static str) {
        let name = full_name(&record.name, namespace);
        if self.named.insert(name, Schema::Record(record)).is_none() {
            let inner = record.name.namespace_in(namespace);
            for field in record.fields {
                self.collect(field.schema, inner);
            }
        }
    }

    /// The schema itself, where it is not a reference, else what it refers to.
    pub fn resolve(&self, place: Place) -> Place {
        let Schema::Ref(Reference { name, .. }) = place.schema else {
            return place;
        };
        // A union has no name in Avro, so its Rust name may be a record's as well.
        let found = self
            .named
            .get(&full_name(name, place.namespace))
            .or_else(|| self.named.get(&union_name(name, place.namespace)));
        // The constant check refuses references to nothing.
        Place { schema: found.copied().unwrap_or(Schema::Null), ..place }
    }

    /// The branches of a union of records, `null` among them or not.
    pub fn union(&self, schema: &'static Schema, namespace: &'static str) -> Option<&'static Union> {
        match self.resolve(Place { schema: *schema, namespace }).schema {
            Schema::Union(union) => Some(union),
            _ => None,
        }
    }
}

impl Place {
    /// The root of a schema.
    pub fn root(schema: &'static Schema) -> Self {
        Self { schema: *schema, namespace: "" }
    }

    /// A schema within this one, in the same namespace.
    #[must_use]
    pub fn inner(self, schema: &'static Schema) -> Self {
        Self { schema: *schema, ..self }
    }

    /// The place of a record's fields.
    #[must_use]
    pub fn within(self, record: &'static Record) -> Self {
        Self { namespace: record.name.namespace_in(self.namespace), ..self }
    }
}

/// A type's name without its namespace.
pub fn short_name(name: &Name) -> String {
    name.short().as_str().to_owned()
}

fn full_name(name: &Name, enclosing: &'static str) -> String {
    format!("{}.{}", name.namespace_in(enclosing), short_name(name))
}

fn union_name(name: &Name, enclosing: &'static str) -> String {
    format!("union {}", full_name(name, enclosing))
}
