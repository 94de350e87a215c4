//! Enumerations that can't grow.
//!
//! One with data is a union, which has no default for a branch that its reader does not know.
//!
//! A reader that meets a symbol it does not know takes its enumeration's default; without one, it
//! can't read the datum. So a default helps the readers that have it: it has to be there before they
//! are.

use crate::avro::Compatibility;
use crate::registry::Descriptor;
use events_schema::tree::{Record, Schema};

/// A warning for each enumeration of an event to which no symbol can be added, where old readers are
/// promised to read new events.
pub(super) fn warnings(event: Descriptor) -> Vec<String> {
    if !matches!(event.compatibility(), Compatibility::Full | Compatibility::Forward) {
        return Vec::new();
    }
    let mut walk = Walk::default();
    walk.schema("", event.schema());
    walk.found
}

#[derive(Default)]
struct Walk {
    found: Vec<String>,
    /// The types that were looked at: each is told of at its first place.
    seen: Vec<&'static str>,
}

impl Walk {
    fn schema(&mut self, path: &str, schema: &'static Schema) {
        match schema {
            Schema::Array(inner) | Schema::Map(inner) | Schema::Nullable(inner) => self.schema(path, inner),
            Schema::Record(record) => self.record(path, record),
            Schema::Union(union) => {
                // Its variants all come from the one enum.
                let name = union.branches.first().map_or(union.name.base, |branch| branch.origin.rust_type);
                if self.is_new(name) {
                    self.found.push(format!(
                        "no variant can be added to the enum `{name}` of `{path}`: who reads this version can't read one that came later, and an enum with data has no default; put what is to grow into a record whose fields are Options, remove the file, build and lock again, before the version is in use",
                    ));
                }
                for branch in union.branches {
                    self.fields(path, branch);
                }
            }
            Schema::Enum(symbols) if symbols.default.is_none() && self.is_new(symbols.origin.rust_type) => {
                self.found.push(format!(
                    "no symbol can be added to the enum `{}` of `{path}`: who reads this version can't read one that came later, for it has no default; mark the variant that stands for such ones with `#[event(default)]`, remove the file, build and lock again, before the version is in use",
                    symbols.origin.rust_type,
                ));
            }
            _ => {}
        }
    }

    fn record(&mut self, path: &str, record: &'static Record) {
        // Of a generic type there are several, and one of them may hold the enumeration.
        if !record.name.arguments.is_empty() || self.is_new(record.origin.rust_type) {
            self.fields(path, record);
        }
    }

    fn fields(&mut self, path: &str, record: &'static Record) {
        for field in record.fields {
            let path = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
            self.schema(&path, field.schema);
        }
    }

    fn is_new(&mut self, rust_type: &'static str) -> bool {
        let is_new = !self.seen.contains(&rust_type);
        if is_new {
            self.seen.push(rust_type);
        }
        is_new
    }
}
