//! The text that the Python package `openedx-events` registers.
//!
//! `event_bus/avro/schema.py` makes these schemas, and `json.dumps` with `sort_keys=True` writes them: a space
//! after each comma and colon, and the keys of every object in alphabetical order. They have no docs, aliases or
//! logical types, and no default except `null` for attributes that are `None` by default.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use crate::const_str::StrWriter;
use crate::tree::{Name, Record, Schema};
use crate::view::{NameView, Names};

pub(super) const fn write(schema: &'static Schema, text: StrWriter<'_>) {
    if let Schema::Record(record) = schema {
        Writer { text, names: Names::new() }.event(record);
    }
}

struct Writer<'a> {
    text: StrWriter<'a>,
    /// Python identifies its classes by their names without a namespace.
    names: Names<'static, ()>,
}

impl Writer<'_> {
    const fn event(&mut self, record: &'static Record) {
        self.text.push(
            "{\"doc\": \"Avro Event Format for CloudEvents created with openedx_events/schema\", \"fields\": [",
        );
        self.fields(record);
        self.text.push("], \"name\": ");
        self.name(&record.name);
        if let Some(namespace) = record.name.namespace {
            self.text.push(", \"namespace\": \"");
            self.text.push(namespace);
            self.text.push("\"");
        }
        self.text.push(", \"type\": \"record\"}");
    }

    const fn fields(&mut self, record: &'static Record) {
        let mut index = 0;
        while index < record.fields.len() {
            let field = &record.fields[index];
            self.text.push(if index == 0 { "{" } else { ", {" });
            if let Schema::Nullable(_) = field.schema {
                self.text.push("\"default\": null, ");
            }
            self.text.push("\"name\": \"");
            self.text.push(field.name);
            self.text.push("\", \"type\": ");
            self.schema(field.schema);
            self.text.push("}");
            index += 1;
        }
    }

    const fn schema(&mut self, schema: &'static Schema) {
        match schema {
            Schema::Logical(logical) => self.schema(&logical.base),
            Schema::Array(items) => {
                self.text.push("{\"items\": ");
                self.schema(items);
                self.text.push(", \"type\": \"array\"}");
            }
            Schema::Map(values) => {
                self.text.push("{\"type\": \"map\", \"values\": ");
                self.schema(values);
                self.text.push("}");
            }
            Schema::Nullable(inner) => {
                self.text.push("[\"null\", ");
                self.schema(inner);
                self.text.push("]");
            }
            Schema::Record(record) => self.record(record),
            Schema::Ref(reference) => self.name(&reference.name),
            // `check_openedx` refuses all other types.
            primitive => {
                self.text.push("\"");
                self.text.push(primitive.primitive_name());
                self.text.push("\"");
            }
        }
    }

    const fn record(&mut self, record: &'static Record) {
        let name = NameView { namespace: b"", ..NameView::new(&record.name, "", &[]) };
        if self.names.find(&name).is_some() {
            self.name(&record.name);
            return;
        }
        // Before the fields, because a recursive type refers to itself in them.
        self.names.add(name, ());
        self.text.push("{\"fields\": [");
        self.fields(record);
        self.text.push("], \"name\": ");
        self.name(&record.name);
        self.text.push(", \"type\": \"record\"}");
    }

    const fn name(&mut self, name: &Name) {
        self.text.push("\"");
        name.write_short(&mut self.text);
        self.text.push("\"");
    }
}
