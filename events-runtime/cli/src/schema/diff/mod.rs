//! `schema diff`: compares two schemas field by field.
//!
//! ```text
//! sides ▶ structure   compares fields, types, names, defaults, aliases and symbols by Avro's rules
//!       ▶ attributes  compares documentation and other attributes of the JSON, which break nothing
//!       ▶ render      prints each change
//! ```

mod attributes;
mod change;
mod describe;
mod json;
mod render;
mod structure;

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::locked::LockedEvent;
use super::{export, key, origin};
use crate::args::Diff;
use crate::context::{Context, descriptor};
use crate::failure::Failure;
use crate::output;
pub(super) use change::{Breaks, Change, ChangeKind};
use events_schema::parse::without_bom;
use events_schema::parse::{Schema as Packed, pack};
use events_schema::view::View;

/// One of the compared schemas.
struct Side {
    /// The name in the output.
    name: String,
    schema: Packed,
    /// The JSON, with the attributes that the packed form omits.
    json: Value,
}

impl Side {
    fn new(name: String, text: &str) -> Result<Self, Failure> {
        let invalid = |reason| Failure::failed(format!("{name} is not a valid Avro schema: {reason}"));
        let schema = pack(text).map_err(|error| invalid(error.to_string()))?;
        let json = serde_json::from_str(without_bom(text)).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { name, schema, json })
    }

    fn file(name: String, path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
        Self::new(name, &text)
    }
}

/// Prints the differences.
pub(crate) fn diff(context: &Context, args: &Diff) -> Result<(), Failure> {
    let (title, old, new) = match (&args.event_type, args.files.as_deref()) {
        (Some(event_type), _) => {
            let (old, new) = versions(event_type, args)?;
            (Some(event_type.as_str()), old, new)
        }
        (None, Some([old, new])) => {
            let side = |path: &Path| Side::file(path.display().to_string(), path);
            (None, side(old)?, side(new)?)
        }
        (None, _) => {
            return Err(Failure::Usage("expected an event type, or two files with `--files`".to_owned()));
        }
    };
    let changes = compare(&old, &new);
    if context.json() {
        render::json(title, &old.name, &new.name, &changes)
    } else {
        render::lines(title, &old.name, &new.name, &changes, args.color)
    }
}

/// The sides for an event type: two versions, or a version and the code.
fn versions(event_type: &str, args: &Diff) -> Result<(Side, Side), Failure> {
    let descriptor = descriptor(event_type)?;
    let locked = LockedEvent::find(descriptor, &args.root)?;
    let side = |minor| Side::file(format!("version {minor}"), &locked.version(minor)?.path);
    let old = match (args.from, locked.newest()) {
        (Some(minor), _) => side(minor)?,
        (None, Some(newest)) => side(newest.minor)?,
        (None, None) => {
            return Err(Failure::failed(format!(
                "`{event_type}` is not locked, no version to compare the code with: publish it with `schema lock {event_type}`"
            )));
        }
    };
    let new = if let Some(minor) = args.to {
        side(minor)?
    } else {
        if let Some(mismatch) = locked.source_mismatch() {
            output::eprint(format_args!("warning: {}: {}", mismatch.problem, origin::ADVICE));
        }
        Side::new("the code".to_owned(), &export::file_text(descriptor)?)?
    };
    Ok((old, new))
}

/// Questions to the author about the differences between a published schema and a definition.
pub(super) fn questions(old: View<'_>, new: View<'_>) -> Vec<String> {
    let changes = structure::changes(old, new).0.into_iter();
    changes.filter_map(|change| Some(format!("{}: {}", change.path, change.question?))).collect()
}

fn compare(old: &Side, new: &Side) -> Vec<Change> {
    let (mut changes, pairs) =
        structure::changes(View::packed(&old.schema.bytes), View::packed(&new.schema.bytes));
    changes.extend(key::change(&old.json, &new.json, View::packed(&new.schema.bytes)));
    changes.extend(attributes::changes(&key::without_key(&old.json), &key::without_key(&new.json), &pairs));
    changes
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
