//! Detects sources that changed since the program was compiled.
//!
//! Two checkouts of a repository, such as git worktrees, have the same paths. A program built in one
//! and run in the other may not match the code there.

use std::path::Path;
use std::{env, fs};

use super::locked::relative_display;
use events_core::avro::fingerprint;
use events_schema::tree::{Origin, Record, Schema};

/// A type whose source file changed since the program was compiled.
#[derive(Debug)]
pub(super) struct SourceMismatch {
    pub(super) problem: String,
    /// The source file.
    pub(super) location: String,
}

pub(super) const ADVICE: &str =
    "rebuild this program from these sources, or run it in the checkout that it was built from";

/// The first type of a definition whose source file changed. Source paths are relative to `root`.
pub(super) fn source_mismatch(schema: &'static Schema, root: &Path) -> Option<SourceMismatch> {
    let mut origins = Vec::new();
    collect(schema, &mut origins);
    origins.iter().find_map(|origin| {
        let path = root.join(origin.file);
        let text = fs::read_to_string(&path);
        if text.as_ref().is_ok_and(|text| digest(text) == origin.digest) {
            return None;
        }
        let state = if text.is_ok() { "has changed" } else { "does not exist" };
        let program = env::current_exe().unwrap_or_default();
        let problem = format!(
            "`{}` in the program {} was compiled from {}, but {} {state}",
            origin.rust_type,
            program.display(),
            origin.file,
            path.display(),
        );
        Some(SourceMismatch { problem, location: relative_display(&path) })
    })
}

/// The digest that the derive computes. It ignores the checkout's line endings.
fn digest(text: &str) -> u64 {
    fingerprint(&text.replace("\r\n", "\n"))
}

/// Collects one type for each source file whose digest is known.
fn collect(schema: &'static Schema, origins: &mut Vec<Origin>) {
    match schema {
        Schema::Array(inner) | Schema::Map(inner) | Schema::Nullable(inner) => collect(inner, origins),
        Schema::Record(record) => collect_record(record, origins),
        Schema::Union(union) => union.branches.iter().for_each(|branch| collect_record(branch, origins)),
        Schema::Enum(symbols) => {
            add(symbols.origin, origins);
        }
        _ => {}
    }
}

fn collect_record(record: &'static Record, origins: &mut Vec<Origin>) {
    add(record.origin, origins);
    record.fields.iter().for_each(|field| collect(field.schema, origins));
}

fn add(origin: Origin, origins: &mut Vec<Origin>) {
    if !origin.file.is_empty() && !origins.iter().any(|other| other.file == origin.file) {
        origins.push(origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events_schema::tree::{Field, Name};

    const fn origin(rust_type: &'static str, file: &'static str, digest: u64) -> Origin {
        Origin { file, digest, ..Origin::new(rust_type, "") }
    }

    fn record(base: &'static str, origin: Origin, fields: Vec<Field>) -> &'static Schema {
        let name = Name { base, arguments: &[], namespace: None };
        let fields = Vec::leak(fields);
        let record = Record { name, origin, aliases: &[], attributes: "", fields, digest: 0 };
        Box::leak(Box::new(Schema::Record(Box::leak(Box::new(record)))))
    }

    #[test]
    fn all_source_files_of_an_event_are_compared() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
        let text = "pub struct Customer;\n";
        let customer = record("Customer", origin("shop::Customer", "customers.rs", digest(text)), vec![]);
        // The digest of a registry crate's source is not known.
        let price = record("Price", Origin::new("money::Price", "/registry/money/lib.rs:1:1"), vec![]);
        let fields = [("customers", Schema::Array(customer)), ("price", *price)].map(|(name, schema)| {
            Field::new(name, &[], "", Box::leak(Box::new(schema)), false, None, false, 0)
        });
        let event =
            record("Placed", origin("shop::Placed", "orders.rs", digest("mod orders;")), fields.into());
        write("orders.rs", "mod orders;");
        let problem = source_mismatch(event, folder.path()).unwrap().problem;
        assert!(problem.contains("shop::Customer") && problem.ends_with("does not exist"), "{problem}");
        write("customers.rs", "pub struct Customer {}\n");
        let problem = source_mismatch(event, folder.path()).unwrap().problem;
        assert!(problem.ends_with("has changed"), "{problem}");
        write("customers.rs", "pub struct Customer;\r\n");
        assert!(source_mismatch(event, folder.path()).is_none());
    }
}
