//! The JSON of a schema.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use crate::const_str::{StrWriter, same};
use crate::tree::{Name, Record, Schema, Union};
use crate::view::{NameView, Names};

pub(super) const fn write(schema: &'static Schema, text: StrWriter<'_>) {
    Writer { text, names: Names::new(), unions: Names::new() }.schema(schema, "");
}

struct Writer<'a> {
    text: StrWriter<'a>,
    names: Names<'static, ()>,
    /// Unions have no name in Avro. A recursive enum refers to its union by the enum's Rust name.
    unions: Names<'static, &'static Union>,
}

impl Writer<'_> {
    const fn schema(&mut self, schema: &'static Schema, namespace: &'static str) {
        match schema {
            Schema::Logical(logical) => {
                self.text.push("{\"type\":");
                self.schema(&logical.base, namespace);
                self.text.push(",");
                self.text.push(logical.attributes);
                self.text.push("}");
            }
            Schema::Array(items) => {
                self.text.push("{\"type\":\"array\",\"items\":");
                self.schema(items, namespace);
                self.text.push("}");
            }
            Schema::Map(values) => {
                self.text.push("{\"type\":\"map\",\"values\":");
                self.schema(values, namespace);
                self.text.push("}");
            }
            Schema::Nullable(inner) => {
                self.text.push("[\"null\",");
                match self.union(inner, namespace) {
                    Some(union) => self.branches(union, namespace),
                    None => self.schema(inner, namespace),
                }
                self.text.push("]");
            }
            Schema::Union(union) => {
                self.text.push("[");
                self.branches(union, namespace);
                self.text.push("]");
            }
            Schema::Record(record) => self.record(record, None, namespace),
            Schema::Enum(symbols) => {
                if !self.define(&symbols.name, namespace) {
                    return;
                }
                self.definition("enum", &symbols.name, symbols.aliases, symbols.attributes);
                self.strings(",\"symbols\":[", symbols.symbols);
                if let Some(default) = symbols.default {
                    self.text.push(",\"default\":\"");
                    self.text.push(default);
                    self.text.push("\"");
                }
                self.text.push("}");
            }
            Schema::Ref(reference) => match self.union(schema, namespace) {
                Some(union) => {
                    self.text.push("[");
                    self.branches(union, namespace);
                    self.text.push("]");
                }
                None => self.reference(&reference.name, namespace),
            },
            primitive => {
                self.text.push("\"");
                self.text.push(primitive.primitive_name());
                self.text.push("\"");
            }
        }
    }

    /// The union that a schema is, or refers back to.
    const fn union(&self, schema: &'static Schema, namespace: &'static str) -> Option<&'static Union> {
        match schema {
            Schema::Union(union) => Some(union),
            Schema::Ref(reference) => self.unions.find(&NameView::new(&reference.name, namespace, &[])),
            _ => None,
        }
    }

    const fn branches(&mut self, union: &'static Union, namespace: &'static str) {
        self.unions.add(NameView::new(&union.name, namespace, &[]), union);
        let mut index = 0;
        while index < union.branches.len() {
            if index > 0 {
                self.text.push(",");
            }
            // JSON has no place for attributes of the union itself.
            self.record(union.branches[index], if index == 0 { union.other_name() } else { None }, namespace);
            index += 1;
        }
    }

    /// Writes a record; the first one of a union with the name of the union's variant for unknown branches.
    const fn record(&mut self, record: &'static Record, other: Option<Name>, namespace: &'static str) {
        if !self.define(&record.name, namespace) {
            return;
        }
        let own = record.name.namespace_in(namespace);
        self.definition("record", &record.name, record.aliases, record.attributes);
        if let Some(other) = other {
            self.text.push(",\"other\":\"");
            other.write_short(&mut self.text);
            self.text.push("\"");
        }
        self.text.push(",\"fields\":[");
        let mut index = 0;
        while index < record.fields.len() {
            let field = &record.fields[index];
            self.text.push(if index == 0 { "{\"name\":\"" } else { ",{\"name\":\"" });
            self.text.push(field.name);
            self.text.push("\"");
            self.aliases(field.aliases);
            self.text.push(field.attributes);
            self.text.push(",\"type\":");
            // Without a frame for `schema`: const evaluation has 128 frames, and types nest deep.
            match field.schema {
                Schema::Record(inner) => self.record(inner, None, own),
                other => self.schema(other, own),
            }
            if let Some(default) = &field.default {
                self.text.push(",\"default\":");
                self.text.push(default.text);
            } else if let Schema::Nullable(_) = field.schema {
                self.text.push(",\"default\":null");
            }
            self.text.push("}");
            index += 1;
        }
        self.text.push("]}");
    }

    /// Notes a definition. Writes its name and returns `false` if it was written before.
    const fn define(&mut self, name: &'static Name, enclosing: &'static str) -> bool {
        let is_new = self.names.insert(NameView::new(name, enclosing, &[]));
        if !is_new {
            self.reference(name, enclosing);
        }
        is_new
    }

    /// Writes the start of a definition.
    const fn definition(&mut self, kind: &str, name: &Name, aliases: &[&str], attributes: &str) {
        self.text.push("{\"type\":\"");
        self.text.push(kind);
        self.text.push("\",\"name\":\"");
        name.write_short(&mut self.text);
        self.text.push("\"");
        if let Some(namespace) = name.namespace {
            self.text.push(",\"namespace\":\"");
            self.text.push(namespace);
            self.text.push("\"");
        }
        self.aliases(aliases);
        self.text.push(attributes);
    }

    const fn aliases(&mut self, aliases: &[&str]) {
        if !aliases.is_empty() {
            self.strings(",\"aliases\":[", aliases);
        }
    }

    const fn strings(&mut self, key: &str, strings: &[&str]) {
        self.text.push(key);
        let mut index = 0;
        while index < strings.len() {
            self.text.push(if index == 0 { "\"" } else { ",\"" });
            self.text.push(strings[index]);
            self.text.push("\"");
            index += 1;
        }
        self.text.push("]");
    }

    /// Writes the name of a type that is defined elsewhere, with its namespace if that differs.
    const fn reference(&mut self, name: &Name, enclosing: &'static str) {
        let namespace = name.namespace_in(enclosing);
        self.text.push("\"");
        if !namespace.is_empty() && !same(namespace.as_bytes(), enclosing.as_bytes()) {
            self.text.push(namespace);
            self.text.push(".");
        }
        name.write_short(&mut self.text);
        self.text.push("\"");
    }
}
