//! Rules that the macros can't check, because they see only tokens: two types with one name, dangling references,
//! defaults of a wrong type.
#![allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling: `get` is not const, and a bad index is a compile error"
)]

mod defaults;
mod openedx;
mod violation;

use defaults::{expected, fits};

use crate::const_str::same;
use crate::path::Path;
use crate::tree::{Enum, Name, Origin, Record, Schema, Union};
use crate::view::{MAX_NAMES, NameView, Names};

pub use defaults::{Integer, check_integer};
pub use openedx::check_openedx;
pub use violation::Violation;

/// The first violation in an event's schema.
#[must_use]
pub const fn check(schema: &'static Schema) -> Option<Violation> {
    let mut checker = Checker { names: Names::new(), unions: Names::new(), field: 0, violation: None };
    if let Schema::Record(record) = schema {
        checker.field = record.fields.len();
    }
    checker.schema(schema, "", &Path::ROOT);
    checker.violation
}

/// The Rust type behind a name, with its generic arguments.
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

struct Checker {
    names: Names<'static, Definition>,
    unions: Names<'static, Definition>,
    field: usize,
    violation: Option<Violation>,
}

impl Checker {
    const fn fail(&mut self, parts: &[&str]) {
        if self.violation.is_none() {
            self.violation = Some(Violation::new(self.field, parts));
        }
    }

    const fn schema(&mut self, schema: &'static Schema, namespace: &'static str, path: &Path<'_>) {
        match schema {
            Schema::Array(inner) | Schema::Map(inner) => self.schema(inner, namespace, path),
            Schema::Nullable(inner) => {
                if let Schema::Nullable(_) = inner {
                    self.fail(&[
                        "field `",
                        path.text().as_str(),
                        "` is an Option of an Option, which Avro can't tell apart: use one Option, or an enum of your own",
                    ]);
                }
                self.schema(inner, namespace, path);
            }
            Schema::Union(union) => self.union(union, namespace, path),
            Schema::Record(record) => self.record(record, namespace, path),
            Schema::Enum(symbols) => self.symbols(symbols, namespace, path),
            Schema::Ref(reference) => {
                let name = NameView::new(&reference.name, namespace, &[]);
                // A union has no name in Avro, but its own records refer to it by the enum's.
                let found = match self.unions.find(&name) {
                    Some(union) => Some(union),
                    None => self.names.find(&name),
                };
                match found {
                    Some(found) => {
                        self.same(&found, &Definition::new(&reference.name, reference.origin), path);
                    }
                    None => self.fail(&[
                        "field `",
                        path.text().as_str(),
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

    const fn union(&mut self, union: &'static Union, namespace: &'static str, path: &Path<'_>) {
        let name = NameView::new(&union.name, namespace, &[]);
        if !union.branches.is_empty() {
            let definition = Definition::new(&union.name, union.branches[0].origin);
            if let Some(record) = self.names.find(&name) {
                self.same(&record, &definition, path);
            }
            match self.unions.find(&name) {
                Some(other) => self.same(&other, &definition, path),
                None => {
                    self.unions.add(name, definition);
                }
            }
        }
        let mut index = 0;
        while index < union.branches.len() {
            self.record(union.branches[index], namespace, path);
            index += 1;
        }
    }

    const fn record(&mut self, record: &'static Record, namespace: &'static str, path: &Path<'_>) {
        if !self.define(&record.name, namespace, record.origin, path) {
            return;
        }
        let own = record.name.namespace_in(namespace);
        let mut index = 0;
        while index < record.fields.len() {
            let field = &record.fields[index];
            if path.is_root() {
                self.field = index;
            }
            let here = path.field(field.name);
            if let Some(default) = &field.default
                && !fits(field.schema, default)
            {
                self.fail(&[
                    "the default of field `",
                    here.text().as_str(),
                    "` does not fit: ",
                    default.text,
                    " is no ",
                    expected(field.schema),
                ]);
            }
            // Without a frame for `schema`: const evaluation has 128 frames, and types nest deep.
            match field.schema {
                Schema::Record(inner) => self.record(inner, own, &here),
                other => self.schema(other, own, &here),
            }
            index += 1;
        }
        if path.is_root() {
            self.field = record.fields.len();
        }
    }

    const fn symbols(&mut self, symbols: &'static Enum, namespace: &'static str, path: &Path<'_>) {
        self.define(&symbols.name, namespace, symbols.origin, path);
    }

    /// Notes a definition. Returns `false` if it is known already.
    const fn define(
        &mut self,
        name: &'static Name,
        enclosing: &'static str,
        origin: Origin,
        path: &Path<'_>,
    ) -> bool {
        let definition = Definition::new(name, origin);
        let name = NameView::new(name, enclosing, &[]);
        if let Some(union) = self.unions.find(&name) {
            self.same(&union, &definition, path);
        }
        if let Some(found) = self.names.find(&name) {
            self.same(&found, &definition, path);
            return false;
        }
        if !self.names.add(name, definition) {
            self.fail(&["an event has at most ", COUNT, " named types"]);
        }
        true
    }

    const fn same(&mut self, a: &Definition, b: &Definition, path: &Path<'_>) {
        let (name, arguments) = (b.name, a.arguments.len());
        let (one, other) = (a.arguments, b.arguments);
        let (a, b) = (&a.origin, &b.origin);
        if same(a.rust_type.as_bytes(), b.rust_type.as_bytes())
            && same(a.location.as_bytes(), b.location.as_bytes())
        {
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
            path.text().as_str(),
            "`, `",
            b.rust_type,
            "` (",
            b.location,
            "); give one of them another name with `#[event(rename = \"…\")]`",
        ]);
    }

    const fn same_argument(&mut self, a: &'static Schema, b: &'static Schema, path: &Path<'_>) {
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
