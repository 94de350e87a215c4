//! Whether a program was compiled from the sources that are there now.
//!
//! Two checkouts of a repository, as git's worktrees are, have the same paths. A program of the one
//! that runs in the other has another definition than the code there.

use std::path::Path;
use std::{env, fs};

use super::locked::shown;
use crate::avro::fingerprint;
use events_schema::tree::{Origin, Record, Schema};

/// A type that was compiled from another text than its file has.
#[derive(Debug)]
pub(super) struct Elsewhere {
    pub(super) what: String,
    /// The file.
    pub(super) place: String,
}

/// What to do about it.
pub(super) const ADVICE: &str =
    "build this program again from these sources, or run it where those are that it was built from";

/// The first type of a definition that was compiled from another text than there is now, below the
/// folder that the paths of sources are relative to.
pub(super) fn elsewhere(schema: &'static Schema, root: &Path) -> Option<Elsewhere> {
    let mut origins = Vec::new();
    collect(schema, &mut origins);
    origins.iter().find_map(|origin| {
        let path = root.join(origin.file);
        let text = fs::read_to_string(&path);
        if text.as_ref().is_ok_and(|text| digest(text) == origin.digest) {
            return None;
        }
        let now = if text.is_ok() { "has another text now" } else { "is not there" };
        let program = env::current_exe().unwrap_or_default();
        let what = format!(
            "`{}` of this program, {}, was compiled from {}, and {} {now}",
            origin.rust_type,
            program.display(),
            origin.file,
            path.display(),
        );
        Some(Elsewhere { what, place: shown(&path) })
    })
}

/// As the derive counts it: a checkout may have other line ends.
fn digest(text: &str) -> u64 {
    fingerprint(&text.replace("\r\n", "\n"))
}

/// The types of a schema of whose files the text is known, one of each file.
fn collect(schema: &'static Schema, origins: &mut Vec<Origin>) {
    match schema {
        Schema::Array(inner) | Schema::Map(inner) | Schema::Nullable(inner) => collect(inner, origins),
        Schema::Record(record) => of_record(record, origins),
        Schema::Union(union) => union.branches.iter().for_each(|branch| of_record(branch, origins)),
        Schema::Enum(symbols) => {
            add(symbols.origin, origins);
        }
        _ => {}
    }
}

fn of_record(record: &'static Record, origins: &mut Vec<Origin>) {
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
    fn every_file_that_an_event_is_defined_in_counts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(folder.path().join(file), text).unwrap();
        let text = "pub struct Customer;\n";
        let customer = record("Customer", origin("shop::Customer", "customers.rs", digest(text)), vec![]);
        // Of a crate of a registry nothing is known here.
        let price = record("Price", Origin::new("money::Price", "/registry/money/lib.rs:1:1"), vec![]);
        let fields = [("customers", Schema::Array(customer)), ("price", *price)].map(|(name, schema)| {
            Field::new(name, &[], "", Box::leak(Box::new(schema)), false, None, false, 0)
        });
        let event =
            record("Placed", origin("shop::Placed", "orders.rs", digest("mod orders;")), fields.into());
        write("orders.rs", "mod orders;");
        let told = elsewhere(event, folder.path()).unwrap();
        assert!(told.what.contains("shop::Customer") && told.what.ends_with("is not there"), "{}", told.what);
        write("customers.rs", "pub struct Customer {}\n");
        let told = elsewhere(event, folder.path()).unwrap();
        assert!(told.what.ends_with("has another text now"), "{}", told.what);
        write("customers.rs", "pub struct Customer;\r\n");
        assert!(elsewhere(event, folder.path()).is_none());
    }
}
