//! Warns about enums that can't be extended.
//!
//! A reader decodes an unknown symbol as the enum's default, and fails without one. The default must
//! be in the reader's schema, so it has to be published before the symbol is. The same holds for the variant
//! `#[event(other)]` of an enum with data.

use events_core::avro::Compatibility;
use events_core::registry::Descriptor;
use events_schema::tree::{Record, Schema};

/// One warning for each enum that can't be extended, if the event's compatibility requires old readers
/// to read new events.
pub(super) fn warnings(event: Descriptor) -> Vec<String> {
    if !matches!(event.compatibility(), Compatibility::Full | Compatibility::Forward) {
        return Vec::new();
    }
    let mut checker = EnumChecker::default();
    checker.schema("", event.schema());
    checker.warnings
}

#[derive(Default)]
struct EnumChecker {
    warnings: Vec<String>,
    /// The types that were visited: each is reported once.
    seen: Vec<&'static str>,
}

impl EnumChecker {
    fn schema(&mut self, path: &str, schema: &'static Schema) {
        match schema {
            Schema::Array(inner) | Schema::Map(inner) | Schema::Nullable(inner) => self.schema(path, inner),
            Schema::Record(record) => self.record(path, record),
            Schema::Union(union) => {
                // All branches come from the same Rust enum.
                let name = union.branches.first().map_or(union.name.base, |branch| branch.origin.rust_type);
                if self.is_new(name) && union.other.is_none() {
                    self.warnings.push(format!(
                        "no variant can be added to the enum `{name}` of `{path}`: readers of this version can't decode a new variant without one that stands for it; to allow additions, add a unit variant with `#[event(other)]`, remove the file, rebuild and lock again before the version is in use",
                    ));
                }
                for branch in union.branches {
                    self.fields(path, branch);
                }
            }
            Schema::Enum(symbols) if symbols.default.is_none() && self.is_new(symbols.origin.rust_type) => {
                self.warnings.push(format!(
                    "no symbol can be added to the enum `{}` of `{path}`: readers of this version can't decode a new symbol without a default; to allow additions, mark a fallback variant with `#[event(default)]`, remove the file, rebuild and lock again before the version is in use",
                    symbols.origin.rust_type,
                ));
            }
            _ => {}
        }
    }

    fn record(&mut self, path: &str, record: &'static Record) {
        // Instances of a generic type share a name, and any of them may hold an enum.
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
