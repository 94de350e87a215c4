//! Avro's own texts: the JSON of a schema, and its canonical form.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::names::{Names, Sink, effective, primitive_name, same_text};
use crate::tree::{Name, Record, Schema, Union};

/// Pushes the text; the number of bytes that it has.
pub(super) const fn push(schema: &'static Schema, canonical: bool, sink: Sink<'_>) -> usize {
    let mut walk = Walk { sink, canonical, names: Names::new(), unions: Names::new() };
    walk.schema(schema, "");
    walk.sink.len
}

struct Walk<'a> {
    sink: Sink<'a>,
    /// Whether it is the canonical form that is written.
    canonical: bool,
    names: Names<()>,
    /// Unions have no name in Avro; a recursive enum refers to its own by the Rust one.
    unions: Names<&'static Union>,
}

impl Walk<'_> {
    const fn schema(&mut self, schema: &'static Schema, namespace: &'static str) {
        match schema {
            Schema::Logical(logical) if self.canonical => self.schema(&logical.base, namespace),
            Schema::Logical(logical) => {
                self.sink.push("{\"type\":");
                self.schema(&logical.base, namespace);
                self.sink.push(",");
                self.sink.push(logical.attributes);
                self.sink.push("}");
            }
            Schema::Array(items) => {
                self.sink.push("{\"type\":\"array\",\"items\":");
                self.schema(items, namespace);
                self.sink.push("}");
            }
            Schema::Map(values) => {
                self.sink.push("{\"type\":\"map\",\"values\":");
                self.schema(values, namespace);
                self.sink.push("}");
            }
            Schema::Nullable(inner) => {
                self.sink.push("[\"null\",");
                match self.union(inner, namespace) {
                    Some(union) => self.branches(union, namespace),
                    None => self.schema(inner, namespace),
                }
                self.sink.push("]");
            }
            Schema::Union(union) => {
                self.sink.push("[");
                self.branches(union, namespace);
                self.sink.push("]");
            }
            Schema::Record(record) => self.record(record, namespace),
            Schema::Enum(symbols) => {
                let own = effective(&symbols.name, namespace);
                if self.names.find(own, &symbols.name).is_some() {
                    self.reference(&symbols.name, own, namespace);
                    return;
                }
                self.names.add(own, &symbols.name, ());
                self.definition("enum", &symbols.name, own, symbols.aliases, symbols.attributes);
                self.sink.push(",\"symbols\":[");
                let mut index = 0;
                while index < symbols.symbols.len() {
                    self.sink.push(if index == 0 { "\"" } else { ",\"" });
                    self.sink.push(symbols.symbols[index]);
                    self.sink.push("\"");
                    index += 1;
                }
                self.sink.push("]");
                if let Some(default) = symbols.default
                    && !self.canonical
                {
                    self.sink.push(",\"default\":\"");
                    self.sink.push(default);
                    self.sink.push("\"");
                }
                self.sink.push("}");
            }
            Schema::Ref(reference) => match self.union(schema, namespace) {
                Some(union) => {
                    self.sink.push("[");
                    self.branches(union, namespace);
                    self.sink.push("]");
                }
                None => self.reference(&reference.name, effective(&reference.name, namespace), namespace),
            },
            primitive => {
                self.sink.push("\"");
                self.sink.push(primitive_name(primitive));
                self.sink.push("\"");
            }
        }
    }

    /// The union that a schema is, or refers back to.
    const fn union(&self, schema: &'static Schema, namespace: &'static str) -> Option<&'static Union> {
        match schema {
            Schema::Union(union) => Some(union),
            Schema::Ref(reference) => {
                self.unions.find(effective(&reference.name, namespace), &reference.name)
            }
            _ => None,
        }
    }

    const fn branches(&mut self, union: &'static Union, namespace: &'static str) {
        self.unions.add(effective(&union.name, namespace), &union.name, union);
        let mut index = 0;
        while index < union.branches.len() {
            if index > 0 {
                self.sink.push(",");
            }
            self.record(union.branches[index], namespace);
            index += 1;
        }
    }

    const fn record(&mut self, record: &'static Record, namespace: &'static str) {
        let own = effective(&record.name, namespace);
        if self.names.find(own, &record.name).is_some() {
            self.reference(&record.name, own, namespace);
            return;
        }
        self.names.add(own, &record.name, ());
        self.definition("record", &record.name, own, record.aliases, record.attributes);
        self.sink.push(",\"fields\":[");
        let mut index = 0;
        while index < record.fields.len() {
            let field = &record.fields[index];
            self.sink.push(if index == 0 { "{\"name\":\"" } else { ",{\"name\":\"" });
            self.sink.push(field.name);
            self.sink.push("\"");
            if !self.canonical {
                self.aliases(field.aliases);
                self.sink.push(field.attributes);
            }
            self.sink.push(",\"type\":");
            // Without a stop at `schema`: a compiler that evaluates this has 128 frames, and types nest deep.
            match field.schema {
                Schema::Record(inner) => self.record(inner, own),
                other => self.schema(other, own),
            }
            if !self.canonical {
                if let Some(default) = &field.default {
                    self.sink.push(",\"default\":");
                    self.sink.push(default.text);
                } else if let Schema::Nullable(_) = field.schema {
                    self.sink.push(",\"default\":null");
                }
            }
            self.sink.push("}");
            index += 1;
        }
        self.sink.push("]}");
    }

    /// The head of a definition. The canonical form has the full name first, JSON the type.
    const fn definition(&mut self, kind: &str, name: &Name, own: &str, aliases: &[&str], attributes: &str) {
        if self.canonical {
            self.sink.push("{\"name\":\"");
            self.full_name(name, own);
            self.sink.push("\",\"type\":\"");
            self.sink.push(kind);
            self.sink.push("\"");
            return;
        }
        self.sink.push("{\"type\":\"");
        self.sink.push(kind);
        self.sink.push("\",\"name\":\"");
        self.sink.short_name(name);
        self.sink.push("\"");
        if let Some(namespace) = name.namespace {
            self.sink.push(",\"namespace\":\"");
            self.sink.push(namespace);
            self.sink.push("\"");
        }
        self.aliases(aliases);
        self.sink.push(attributes);
    }

    const fn aliases(&mut self, aliases: &[&str]) {
        if aliases.is_empty() {
            return;
        }
        self.sink.push(",\"aliases\":[");
        let mut index = 0;
        while index < aliases.len() {
            self.sink.push(if index == 0 { "\"" } else { ",\"" });
            self.sink.push(aliases[index]);
            self.sink.push("\"");
            index += 1;
        }
        self.sink.push("]");
    }

    /// The name of a definition that stands elsewhere: in full where its namespace differs.
    const fn reference(&mut self, name: &Name, own: &str, enclosing: &str) {
        self.sink.push("\"");
        if !self.canonical && same_text(own, enclosing) {
            self.sink.short_name(name);
        } else {
            self.full_name(name, own);
        }
        self.sink.push("\"");
    }

    const fn full_name(&mut self, name: &Name, namespace: &str) {
        if !namespace.is_empty() {
            self.sink.push(namespace);
            self.sink.push(".");
        }
        self.sink.short_name(name);
    }
}
