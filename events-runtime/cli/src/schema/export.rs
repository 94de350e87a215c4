//! `schema export`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::key::with_key;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use events_core::registry::{Descriptor, Registry};
use events_schema::versions::names_a_folder;

/// Writes every schema to a folder.
pub(crate) fn export(context: &Context, folder: &Path) -> Result<(), Failure> {
    let mut written = Vec::new();
    for descriptor in Registry::linked()? {
        let event_folder = folder.join(folder_name(descriptor).map_err(Failure::failed)?);
        let path = event_folder.join(format!("{}.avsc", descriptor.minor_version()));
        let text = file_text(descriptor)?;
        fs::create_dir_all(event_folder)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))?;
        written.push(path.display().to_string());
    }
    if context.json() {
        return Ok(output::json_pretty(&Value::from(written))?);
    }
    Ok(written.iter().try_for_each(output::line)?)
}

/// The content of a schema file: the schema with the event's key.
pub(super) fn file_text(descriptor: Descriptor) -> Result<String, Failure> {
    let schema = with_key(serde_json::from_str::<Value>(descriptor.schema_json())?, descriptor);
    Ok(format!("{schema:#}\n"))
}

/// The folder name for an event's schemas, which is the event type.
///
/// # Errors
/// If the event type can't be used as a folder name.
pub(super) fn folder_name(descriptor: Descriptor) -> Result<&'static str, String> {
    let event_type = descriptor.event_type();
    if names_a_folder(event_type) {
        Ok(event_type)
    } else {
        Err(format!("event type `{event_type}` can't be used as a folder name"))
    }
}
