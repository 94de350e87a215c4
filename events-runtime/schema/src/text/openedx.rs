//! The text that the Python package `openedx-events` registers.
//!
//! Its schemas are what `event_bus/avro/schema.py` makes of a signal, as `json.dumps` with
//! `sort_keys=True` writes them: a space behind each comma and colon, and the keys of every
//! object in alphabetical order. There are no docs, aliases or logical types, and no default but
//! the `null` of an attribute that is `None` unless set.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::names::{Names, Sink, primitive_name};
use crate::tree::{Name, Record, Schema};

/// Pushes the text; the number of bytes that it has.
pub(super) const fn push(schema: &'static Schema, sink: Sink<'_>) -> usize {
    let mut walk = Walk { sink, names: Names::new() };
    if let Schema::Record(record) = schema {
        walk.event(record);
    }
    walk.sink.len
}

struct Walk<'a> {
    sink: Sink<'a>,
    /// Python tells its classes apart by their bare names alone.
    names: Names<()>,
}

impl Walk<'_> {
    const fn event(&mut self, record: &'static Record) {
        self.sink.push(
            "{\"doc\": \"Avro Event Format for CloudEvents created with openedx_events/schema\", \"fields\": [",
        );
        self.fields(record);
        self.sink.push("], \"name\": ");
        self.name(&record.name);
        if let Some(namespace) = record.name.namespace {
            self.sink.push(", \"namespace\": \"");
            self.sink.push(namespace);
            self.sink.push("\"");
        }
        self.sink.push(", \"type\": \"record\"}");
    }

    const fn fields(&mut self, record: &'static Record) {
        let mut index = 0;
        while index < record.fields.len() {
            let field = &record.fields[index];
            self.sink.push(if index == 0 { "{" } else { ", {" });
            if let Schema::Nullable(_) = field.schema {
                self.sink.push("\"default\": null, ");
            }
            self.sink.push("\"name\": \"");
            self.sink.push(field.name);
            self.sink.push("\", \"type\": ");
            self.schema(field.schema);
            self.sink.push("}");
            index += 1;
        }
    }

    const fn schema(&mut self, schema: &'static Schema) {
        match schema {
            Schema::Logical(logical) => self.schema(&logical.base),
            Schema::Array(items) => {
                self.sink.push("{\"items\": ");
                self.schema(items);
                self.sink.push(", \"type\": \"array\"}");
            }
            Schema::Map(values) => {
                self.sink.push("{\"type\": \"map\", \"values\": ");
                self.schema(values);
                self.sink.push("}");
            }
            Schema::Nullable(inner) => {
                self.sink.push("[\"null\", ");
                self.schema(inner);
                self.sink.push("]");
            }
            Schema::Record(record) => self.record(record),
            Schema::Ref(reference) => self.name(&reference.name),
            // What is no primitive has been refused.
            primitive => {
                self.sink.push("\"");
                self.sink.push(primitive_name(primitive));
                self.sink.push("\"");
            }
        }
    }

    const fn record(&mut self, record: &'static Record) {
        if self.names.find("", &record.name).is_some() {
            self.name(&record.name);
            return;
        }
        // Before its fields: a type that holds itself is named there.
        self.names.add("", &record.name, ());
        self.sink.push("{\"fields\": [");
        self.fields(record);
        self.sink.push("], \"name\": ");
        self.name(&record.name);
        self.sink.push(", \"type\": \"record\"}");
    }

    const fn name(&mut self, name: &Name) {
        self.sink.push("\"");
        self.sink.short_name(name);
        self.sink.push("\"");
    }
}
