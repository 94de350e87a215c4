//! `schema export`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::key::with_key;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::registry::{Descriptor, Registry};
use events_schema::versions::names_a_folder;

/// Writes every schema into a folder.
pub(crate) fn export(context: &Context, folder: &Path) -> Result<(), Failure> {
    let mut written = Vec::new();
    for descriptor in Registry::linked()? {
        let event_folder = folder.join(folder_name(descriptor).map_err(Failure::failed)?);
        let path = event_folder.join(format!("{}.avsc", descriptor.minor_version()));
        let text = text(descriptor)?;
        fs::create_dir_all(event_folder)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Failure::failed(format!("{} can't be written: {error}", path.display())))?;
        written.push(path.display().to_string());
    }
    if context.json() {
        return Ok(output::pretty(&Value::from(written))?);
    }
    Ok(written.iter().try_for_each(output::line)?)
}

/// A definition's schema as a file has it: with its key.
pub(super) fn text(descriptor: Descriptor) -> Result<String, Failure> {
    let schema = with_key(serde_json::from_str::<Value>(descriptor.schema_json())?, descriptor);
    Ok(format!("{schema:#}\n"))
}

/// The name of the folder that has an event's schemas: the event type.
///
/// # Errors
/// The event type is no name for a folder.
pub(super) fn folder_name(descriptor: Descriptor) -> Result<&'static str, String> {
    let event_type = descriptor.event_type();
    if names_a_folder(event_type) {
        Ok(event_type)
    } else {
        Err(format!("the event type `{event_type}` is no name for a folder"))
    }
}
