//! A schema as text, in a constant: measured by one walk, written by a second.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use super::schema::{Name, Record, Schema, Union};

/// Which text of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The whole schema as JSON, with docs, defaults, aliases and logical types.
    Json,
    /// The [Parsing Canonical Form](https://avro.apache.org/docs/1.12.0/specification/#parsing-canonical-form-for-schemas).
    Canonical,
}

/// The length in bytes of a schema's text.
#[must_use]
pub const fn length(schema: &'static Schema, form: Form) -> usize {
    let mut walk = Walk::new(Sink { out: None, len: 0 }, form);
    walk.schema(schema, "");
    walk.sink.len
}

/// A schema's text, in an array of its [`length`].
#[must_use]
pub const fn write<const N: usize>(schema: &'static Schema, form: Form) -> [u8; N] {
    let mut text = [0; N];
    let mut walk = Walk::new(Sink { out: Some(&mut text), len: 0 }, form);
    walk.schema(schema, "");
    text
}

/// Counts what is pushed and, where it has a place to, writes it.
pub(super) struct Sink<'a> {
    pub(super) out: Option<&'a mut [u8]>,
    pub(super) len: usize,
}

impl Sink<'_> {
    pub(super) const fn push(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if let Some(out) = &mut self.out {
            let (_, free) = out.split_at_mut(self.len);
            let (head, _) = free.split_at_mut(bytes.len());
            head.copy_from_slice(bytes);
        }
        self.len += bytes.len();
    }

    /// A type's name without its namespace: `Page_Line`.
    pub(super) const fn short_name(&mut self, name: &Name) {
        self.push(name.base);
        let mut index = 0;
        while index < name.arguments.len() {
            self.push("_");
            self.argument(name.arguments[index]);
            index += 1;
        }
    }

    /// What a generic argument adds to the name of its type.
    const fn argument(&mut self, schema: &Schema) {
        match schema {
            Schema::Array(item) => {
                self.push("array_");
                self.argument(item);
            }
            Schema::Map(value) => {
                self.push("map_");
                self.argument(value);
            }
            Schema::Nullable(inner) => {
                self.push("nullable_");
                self.argument(inner);
            }
            Schema::Logical(logical) => {
                // `timestamp-nanos`: a name has no hyphen.
                let mut name = logical.name;
                while let Some(hyphen) = find(name, b'-') {
                    let (head, tail) = name.split_at(hyphen);
                    self.push(head);
                    self.push("_");
                    name = tail.split_at(1).1;
                }
                self.push(name);
            }
            Schema::Union(union) => self.short_name(&union.name),
            Schema::Record(record) => self.short_name(&record.name),
            Schema::Enum(symbols) => self.short_name(&symbols.name),
            Schema::Ref(reference) => self.short_name(&reference.name),
            primitive => self.push(primitive_name(primitive)),
        }
    }
}

const fn find(text: &str, byte: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if bytes[index] == byte {
            return Some(index);
        }
        index += 1;
    }
    None
}

pub(super) const fn same_text(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

const fn primitive_name(schema: &Schema) -> &'static str {
    match schema {
        Schema::Null => "null",
        Schema::Boolean => "boolean",
        Schema::Int => "int",
        Schema::Long => "long",
        Schema::Float => "float",
        Schema::Double => "double",
        Schema::Bytes => "bytes",
        Schema::String => "string",
        _ => "",
    }
}

/// The most named types in one event.
pub(super) const MAX_NAMES: usize = 256;

/// The definitions that a walk has passed, by full name.
pub(super) struct Names<T> {
    seen: [Option<(&'static str, &'static Name, T)>; MAX_NAMES],
    len: usize,
}

impl<T: Copy> Names<T> {
    pub(super) const fn new() -> Self {
        Self { seen: [None; MAX_NAMES], len: 0 }
    }

    pub(super) const fn find(&self, namespace: &str, name: &Name) -> Option<T> {
        let mut index = 0;
        while index < self.len {
            if let Some((other_namespace, other, value)) = self.seen[index]
                && same_text(namespace, other_namespace)
                && same_name(name, other)
            {
                return Some(value);
            }
            index += 1;
        }
        None
    }

    /// `false` where there is no room for one more.
    pub(super) const fn add(&mut self, namespace: &'static str, name: &'static Name, value: T) -> bool {
        if self.len == MAX_NAMES {
            return false;
        }
        self.seen[self.len] = Some((namespace, name, value));
        self.len += 1;
        true
    }
}

/// Whether two short names are the same.
const fn same_name(a: &Name, b: &Name) -> bool {
    if a.arguments.is_empty() && b.arguments.is_empty() {
        return same_text(a.base, b.base);
    }
    // Compare as text: `Page<Line>` and a plain `Page_Line` are one name.
    let mut left = [0; 512];
    let mut right = [0; 512];
    let mut sink = Sink { out: Some(&mut left), len: 0 };
    sink.short_name(a);
    let left_len = sink.len;
    let mut sink = Sink { out: Some(&mut right), len: 0 };
    sink.short_name(b);
    if left_len != sink.len {
        return false;
    }
    let mut index = 0;
    while index < left_len {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}

struct Walk<'a> {
    sink: Sink<'a>,
    form: Form,
    names: Names<()>,
    /// Unions have no name in Avro; a recursive enum refers to its own by the Rust one.
    unions: Names<&'static Union>,
}

impl<'a> Walk<'a> {
    const fn new(sink: Sink<'a>, form: Form) -> Self {
        Self { sink, form, names: Names::new(), unions: Names::new() }
    }

    const fn schema(&mut self, schema: &'static Schema, namespace: &'static str) {
        match schema {
            Schema::Logical(logical) => match self.form {
                Form::Canonical => self.schema(&logical.base, namespace),
                Form::Json => {
                    self.sink.push("{\"type\":");
                    self.schema(&logical.base, namespace);
                    self.sink.push(",");
                    self.sink.push(logical.attributes);
                    self.sink.push("}");
                }
            },
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
                if let (Form::Json, Some(default)) = (self.form, symbols.default) {
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
            if let Form::Json = self.form {
                self.aliases(field.aliases);
                self.sink.push(field.attributes);
            }
            self.sink.push(",\"type\":");
            self.schema(field.schema, own);
            if let Form::Json = self.form {
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
        match self.form {
            Form::Canonical => {
                self.sink.push("{\"name\":\"");
                self.full_name(name, own);
                self.sink.push("\",\"type\":\"");
                self.sink.push(kind);
                self.sink.push("\"");
            }
            Form::Json => {
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
        }
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
        match self.form {
            Form::Json if same_text(own, enclosing) => self.sink.short_name(name),
            _ => self.full_name(name, own),
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

/// The namespace of a name inside another definition.
pub(super) const fn effective(name: &Name, enclosing: &'static str) -> &'static str {
    match name.namespace {
        Some(own) => own,
        None => enclosing,
    }
}
