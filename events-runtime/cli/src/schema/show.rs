//! `schema show`.

use std::fs;

use serde_json::Value;

use super::locked::LockedEvent;
use crate::args::Show;
use crate::context::{Context, descriptor};
use crate::failure::Failure;
use crate::output;
use events_schema::parse::without_bom;

/// Prints the schema of the definition or of a published version.
pub(crate) fn show(context: &Context, args: &Show) -> Result<(), Failure> {
    let descriptor = descriptor(&args.event_type)?;
    let (text, canonical) = match args.version {
        None => (descriptor.schema_json().to_owned(), descriptor.canonical_form().to_owned()),
        Some(minor) => {
            let locked = LockedEvent::find(descriptor, &args.root)?;
            let version = locked.version(minor)?;
            let text = fs::read_to_string(&version.path)?;
            let canonical = version.schema.canonical.clone();
            (text, canonical)
        }
    };
    if args.canonical {
        // The canonical form is one line in both output formats.
        return Ok(output::line(canonical)?);
    }
    let schema: Value = serde_json::from_str(without_bom(&text))?;
    if context.json() {
        return Ok(output::json(&schema)?);
    }
    Ok(output::json_pretty(&schema)?)
}
