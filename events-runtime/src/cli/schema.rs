//! `schema show` and `schema export`.

use std::path::{Component, Path};

use serde_json::Value;

use super::args::Show;
use super::context::{Context, descriptor};
use super::failure::Failure;
use super::output;
use crate::registry::{Descriptor, Registry};

/// Prints an event type's schema.
pub(super) fn show(context: &Context, args: &Show) -> Result<(), Failure> {
    let descriptor = descriptor(&args.event_type)?;
    let text = if args.canonical { descriptor.canonical_form() } else { descriptor.schema_json() };
    if args.canonical || context.json() {
        // The canonical form has no white space by definition.
        return Ok(output::line(text)?);
    }
    Ok(output::pretty(&serde_json::from_str(text)?)?)
}

/// Writes every schema into a folder.
pub(super) fn export(context: &Context, folder: &Path) -> Result<(), Failure> {
    let mut written = Vec::new();
    for descriptor in Registry::linked()? {
        let path = folder.join(file_name(descriptor)?);
        let schema: Value = serde_json::from_str(descriptor.schema_json())?;
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, format!("{schema:#}\n")))
            .map_err(|error| Failure::failed(format!("{} can't be written: {error}", path.display())))?;
        written.push(path.display().to_string());
    }
    if context.json() {
        return Ok(output::pretty(&Value::from(written))?);
    }
    Ok(written.iter().try_for_each(output::line)?)
}

/// `TYPE/MINOR.avsc`.
fn file_name(descriptor: Descriptor) -> Result<String, Failure> {
    let event_type = descriptor.event_type();
    // Foreign event types may hold any characters.
    let is_name = matches!(
        Path::new(event_type).components().collect::<Vec<_>>().as_slice(),
        [Component::Normal(only)] if *only == event_type
    );
    if !is_name || event_type.contains('\\') {
        return Err(Failure::failed(format!("the event type `{event_type}` is no name for a folder")));
    }
    Ok(format!("{event_type}/{}.avsc", descriptor.minor_version()))
}
