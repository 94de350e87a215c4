//! `schema diff`: what differs between two schemas, field by field.
//!
//! ```text
//! sides ▶ structure   fields, types, names, defaults, aliases, symbols, by Avro's rules
//!       ▶ attributes  documentation and the like, which break nothing, from the whole text (json)
//!       ▶ shown       a line or an object for each
//! ```

mod attributes;
mod change;
mod json;
mod shown;
mod structure;
mod words;

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::locked::Locked;
use super::{export, key, origin};
use crate::cli::args::Diff;
use crate::cli::context::{Context, descriptor};
use crate::cli::failure::Failure;
use crate::cli::output;
pub(super) use change::{Breaks, Change, What};
use events_schema::packed::json::without_bom;
use events_schema::packed::{Schema as Packed, pack};
use events_schema::view::View;

/// A schema that is compared.
struct Side {
    /// What it is called in the output.
    name: String,
    schema: Packed,
    /// The whole text, with what the packed form leaves out.
    json: Value,
}

impl Side {
    fn new(name: String, text: &str) -> Result<Self, Failure> {
        let broken = |reason| Failure::failed(format!("{name} is no Avro schema: {reason}"));
        let schema = pack(text).map_err(|fault| broken(fault.to_string()))?;
        let json = serde_json::from_str(without_bom(text)).map_err(|error| broken(error.to_string()))?;
        Ok(Self { name, schema, json })
    }

    fn file(name: String, path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::failed(format!("{} can't be read: {error}", path.display())))?;
        Self::new(name, &text)
    }
}

/// Shows what differs.
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
        (None, _) => return Err(Failure::Usage("name an event type, or two `--files`".to_owned())),
    };
    let changes = compare(&old, &new);
    if context.json() {
        shown::json(title, &old.name, &new.name, &changes)
    } else {
        shown::lines(title, &old.name, &new.name, &changes, args.color)
    }
}

/// The sides of a comparison within an event type: two versions, or one and the code.
fn versions(event_type: &str, args: &Diff) -> Result<(Side, Side), Failure> {
    let descriptor = descriptor(event_type)?;
    let locked = Locked::find(descriptor, &args.root)?;
    let side = |minor| Side::file(format!("version {minor}"), &locked.version(minor)?.path);
    let old = match (args.from, locked.newest()) {
        (Some(minor), _) => side(minor)?,
        (None, Some(newest)) => side(newest.minor)?,
        (None, None) => {
            return Err(Failure::failed(format!(
                "`{event_type}` is not locked, so there is nothing to compare the code with: `schema lock {event_type}` publishes it"
            )));
        }
    };
    let new = if let Some(minor) = args.to {
        side(minor)?
    } else {
        if let Some(elsewhere) = locked.elsewhere() {
            output::tell(format_args!("warning: {}: {}", elsewhere.what, origin::ADVICE));
        }
        Side::new("the code".to_owned(), &export::text(descriptor)?)?
    };
    Ok((old, new))
}

/// What to ask the author about the differences between a published schema and a definition.
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
