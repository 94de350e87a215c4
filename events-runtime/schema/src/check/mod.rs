//! What the macros can't see and the compiler must still refuse: two types under one name,
//! references to nothing, defaults that do not fit.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

mod openedx;
mod path;

use path::{Path, PathText};

use crate::defaults::{expected, fits};
use crate::text::{MAX_NAMES, Names, Sink, effective, same_text};
use crate::tree::{Enum, Name, Origin, Record, Schema, Union};

pub use openedx::check_openedx;

/// A fault of a definition, found while it compiles.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The index of the top-level field that leads to it; the number of fields where none does.
    pub field: usize,
    text: [u8; Fault::CAPACITY],
    len: usize,
}

impl Fault {
    const CAPACITY: usize = 1024;

    pub(super) const fn new(field: usize, parts: &[&str]) -> Self {
        let mut text = [0; Self::CAPACITY];
        let mut sink = Sink { out: Some(&mut text), len: 0 };
        let mut index = 0;
        while index < parts.len() {
            if sink.len + parts[index].len() <= Self::CAPACITY {
                sink.push(parts[index]);
            }
            index += 1;
        }
        let len = sink.len;
        Self { field, text, len }
    }

    /// What is wrong and what to do.
    #[must_use]
    pub const fn message(&self) -> &str {
        match std::str::from_utf8(self.text.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "the definition has a fault",
        }
    }
}

/// The first fault of an event's schema, if it has one.
#[must_use]
pub const fn check(schema: &'static Schema) -> Option<Fault> {
    let mut walk = Walk { names: Names::new(), unions: Names::new(), field: 0, fault: None };
    if let Schema::Record(record) = schema {
        walk.field = record.fields.len();
    }
    walk.schema(schema, "", None);
    walk.fault
}

/// What a name stands for: a Rust type and, where it is generic, its arguments.
#[derive(Clone, Copy)]
struct Definition {
    name: &'static str,
    origin: Origin,
    arguments: &'static [&'static Schema],
}

impl Definition {
    const fn new(name: &'static Name, origin: Origin) -> Self {
        Self { name: name.base, origin, arguments: name.arguments }
    }

    const fn of(schema: &'static Schema) -> Option<Self> {
        match schema {
            Schema::Record(record) => Some(Self::new(&record.name, record.origin)),
            Schema::Enum(symbols) => Some(Self::new(&symbols.name, symbols.origin)),
            Schema::Ref(reference) => Some(Self::new(&reference.name, reference.origin)),
            Schema::Union(union) if !union.branches.is_empty() => {
                Some(Self::new(&union.name, union.branches[0].origin))
            }
            _ => None,
        }
    }
}

struct Walk {
    names: Names<Definition>,
    unions: Names<Definition>,
    field: usize,
    fault: Option<Fault>,
}

impl Walk {
    const fn fail(&mut self, parts: &[&str]) {
        if self.fault.is_none() {
            self.fault = Some(Fault::new(self.field, parts));
        }
    }

    const fn schema(&mut self, schema: &'static Schema, namespace: &'static str, path: Option<&Path<'_>>) {
        match schema {
            Schema::Array(inner) | Schema::Map(inner) => self.schema(inner, namespace, path),
            Schema::Nullable(inner) => {
                if let Schema::Nullable(_) = inner {
                    self.fail(&[
                        "field `",
                        PathText::of(path).as_str(),
                        "` is an Option of an Option, which Avro can't tell apart: use one Option, or an enum of your own",
                    ]);
                }
                self.schema(inner, namespace, path);
            }
            Schema::Union(union) => self.union(union, namespace, path),
            Schema::Record(record) => self.record(record, namespace, path),
            Schema::Enum(symbols) => self.symbols(symbols, namespace, path),
            Schema::Ref(reference) => {
                let own = effective(&reference.name, namespace);
                // A union has no name in Avro, but its own records refer to it by the enum's.
                let found = match self.unions.find(own, &reference.name) {
                    Some(union) => Some(union),
                    None => self.names.find(own, &reference.name),
                };
                match found {
                    Some(found) => {
                        self.same(&found, &Definition::new(&reference.name, reference.origin), path);
                    }
                    None => self.fail(&[
                        "field `",
                        PathText::of(path).as_str(),
                        "` refers back to `",
                        reference.origin.rust_type,
                        "` (",
                        reference.origin.location,
                        "), which is not defined around it in this event: remove `back_ref` from the field, or put it on the field that closes the cycle",
                    ]),
                }
            }
            _ => {}
        }
    }

    const fn union(&mut self, union: &'static Union, namespace: &'static str, path: Option<&Path<'_>>) {
        let own = effective(&union.name, namespace);
        if !union.branches.is_empty() {
            let definition = Definition::new(&union.name, union.branches[0].origin);
            if let Some(record) = self.names.find(own, &union.name) {
                self.same(&record, &definition, path);
            }
            match self.unions.find(own, &union.name) {
                Some(other) => self.same(&other, &definition, path),
                None => {
                    self.unions.add(own, &union.name, definition);
                }
            }
        }
        let mut index = 0;
        while index < union.branches.len() {
            self.record(union.branches[index], namespace, path);
            index += 1;
        }
    }

    const fn record(&mut self, record: &'static Record, namespace: &'static str, path: Option<&Path<'_>>) {
        let own = effective(&record.name, namespace);
        if !self.define(own, &record.name, record.origin, path) {
            return;
        }
        let mut index = 0;
        while index < record.fields.len() {
            let field = &record.fields[index];
            if path.is_none() {
                self.field = index;
            }
            let here = Path { up: path, name: field.name };
            if let Some(default) = &field.default
                && !fits(field.schema, default)
            {
                self.fail(&[
                    "the default of field `",
                    PathText::of(Some(&here)).as_str(),
                    "` does not fit: ",
                    default.text,
                    " is no ",
                    expected(field.schema),
                ]);
            }
            // Without a stop at `schema`: a compiler that evaluates this has 128 frames, and types nest deep.
            match field.schema {
                Schema::Record(inner) => self.record(inner, own, Some(&here)),
                other => self.schema(other, own, Some(&here)),
            }
            index += 1;
        }
        if path.is_none() {
            self.field = record.fields.len();
        }
    }

    const fn symbols(&mut self, symbols: &'static Enum, namespace: &'static str, path: Option<&Path<'_>>) {
        let own = effective(&symbols.name, namespace);
        self.define(own, &symbols.name, symbols.origin, path);
    }

    /// Notes a definition; `false` where this same one was noted before.
    const fn define(
        &mut self,
        namespace: &'static str,
        name: &'static Name,
        origin: Origin,
        path: Option<&Path<'_>>,
    ) -> bool {
        let definition = Definition::new(name, origin);
        if let Some(union) = self.unions.find(namespace, name) {
            self.same(&union, &definition, path);
        }
        if let Some(found) = self.names.find(namespace, name) {
            self.same(&found, &definition, path);
            return false;
        }
        if !self.names.add(namespace, name, definition) {
            self.fail(&["an event has at most ", COUNT, " named types"]);
        }
        true
    }

    const fn same(&mut self, a: &Definition, b: &Definition, path: Option<&Path<'_>>) {
        let (name, arguments) = (b.name, a.arguments.len());
        let (one, other) = (a.arguments, b.arguments);
        let (a, b) = (&a.origin, &b.origin);
        if same_text(a.rust_type, b.rust_type) && same_text(a.location, b.location) {
            // One generic type: its arguments' names are the same, and must mean the same.
            let mut index = 0;
            while index < arguments && index < other.len() {
                self.same_argument(one[index], other[index], path);
                index += 1;
            }
            return;
        }
        self.fail(&[
            "two types have the Avro name `",
            name,
            "` in one event: `",
            a.rust_type,
            "` (",
            a.location,
            ") and, at field `",
            PathText::of(path).as_str(),
            "`, `",
            b.rust_type,
            "` (",
            b.location,
            "); give one of them another name with `#[event(rename = \"…\")]`",
        ]);
    }

    const fn same_argument(&mut self, a: &'static Schema, b: &'static Schema, path: Option<&Path<'_>>) {
        match (a, b) {
            (Schema::Array(a), Schema::Array(b))
            | (Schema::Map(a), Schema::Map(b))
            | (Schema::Nullable(a), Schema::Nullable(b)) => self.same_argument(a, b, path),
            _ => {
                if let (Some(a), Some(b)) = (Definition::of(a), Definition::of(b)) {
                    self.same(&a, &b, path);
                }
            }
        }
    }
}

const COUNT: &str = {
    assert!(MAX_NAMES == 256);
    "256"
};

#[cfg(test)]
mod tests;
