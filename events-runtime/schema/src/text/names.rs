//! Names as text, and the definitions that a walk has passed.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

use crate::packed::digest;
use crate::tree::{Name, Schema};

/// Counts what is pushed and, where it has a place to, writes it.
pub(crate) struct Sink<'a> {
    pub(crate) out: Option<&'a mut [u8]>,
    pub(crate) len: usize,
}

impl Sink<'_> {
    pub(crate) const fn push(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if let Some(out) = &mut self.out {
            let (_, free) = out.split_at_mut(self.len);
            let (head, _) = free.split_at_mut(bytes.len());
            head.copy_from_slice(bytes);
        }
        self.len += bytes.len();
    }

    /// A type's name without its namespace: `Page_Line`.
    pub(crate) const fn short_name(&mut self, name: &Name) {
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

pub(crate) const fn same_text(a: &str, b: &str) -> bool {
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

pub(super) const fn primitive_name(schema: &Schema) -> &'static str {
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
pub(crate) const MAX_NAMES: usize = 256;

/// The definitions that a walk has passed, by full name.
pub(crate) struct Names<T> {
    /// With the [`hash`] of each full name: a compiler that evaluates this compares letter by letter.
    seen: [Option<(u64, &'static str, &'static Name, T)>; MAX_NAMES],
    len: usize,
}

impl<T: Copy> Names<T> {
    pub(crate) const fn new() -> Self {
        Self { seen: [None; MAX_NAMES], len: 0 }
    }

    pub(crate) const fn find(&self, namespace: &str, name: &Name) -> Option<T> {
        let hash = hash(namespace, name);
        let mut index = 0;
        while index < self.len {
            if let Some((other_hash, other_namespace, other, value)) = self.seen[index]
                && hash == other_hash
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
    pub(crate) const fn add(&mut self, namespace: &'static str, name: &'static Name, value: T) -> bool {
        if self.len == MAX_NAMES {
            return false;
        }
        self.seen[self.len] = Some((hash(namespace, name), namespace, name, value));
        self.len += 1;
        true
    }
}

/// A number that full names which are the same have in common.
const fn hash(namespace: &str, name: &Name) -> u64 {
    let namespace = digest::text(namespace.as_bytes());
    if name.arguments.is_empty() {
        return digest::add(namespace, digest::text(name.base.as_bytes()));
    }
    // As text, as names are compared.
    let mut text = [0; 512];
    let mut sink = Sink { out: Some(&mut text), len: 0 };
    sink.short_name(name);
    let len = sink.len;
    digest::add(namespace, digest::text(text.split_at(len).0))
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

/// The namespace of a name inside another definition.
pub(crate) const fn effective(name: &Name, enclosing: &'static str) -> &'static str {
    match name.namespace {
        Some(own) => own,
        None => enclosing,
    }
}
