//! `list` and `config explain`.

use serde_json::{Value, json};

use super::context::{Context, NONE_LINKED};
use super::failure::Failure;
use super::output;
use events_core::registry::{Descriptor, Registry};

/// Lists the linked event types.
pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let registry = Registry::linked()?;
    if context.json() {
        let list: Vec<_> = registry.iter().map(to_json).collect();
        return Ok(output::json_pretty(&Value::Array(list))?);
    }
    if registry.is_empty() {
        output::eprint(NONE_LINKED);
        return Ok(());
    }
    let head = ["EVENT TYPE", "MINOR", "FINGERPRINT", "KEY", "DEFINED AT"].map(str::to_owned);
    let rows = registry.iter().map(|descriptor| {
        [
            descriptor.event_type().to_owned(),
            descriptor.minor_version().to_string(),
            format!("{:016x}", descriptor.fingerprint()),
            key(descriptor).unwrap_or_else(|| "-".to_owned()),
            format!("{}:{}", descriptor.file(), descriptor.line()),
        ]
    });
    Ok(output::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())?)
}

fn to_json(descriptor: Descriptor) -> Value {
    json!({
        "event_type": descriptor.event_type(),
        "minor_version": descriptor.minor_version(),
        "fingerprint": format!("{:016x}", descriptor.fingerprint()),
        "key": key(descriptor),
        "rust_type": descriptor.rust_type(),
        "file": descriptor.file(),
        "line": descriptor.line(),
    })
}

fn key(descriptor: Descriptor) -> Option<String> {
    let path = descriptor.key();
    (!path.is_empty()).then(|| path.join("."))
}

/// Prints every setting with its value and its source.
pub(super) fn explain(context: &Context) -> Result<(), Failure> {
    let config = context.config()?;
    if !context.json() {
        let rows = config.explain().iter().map(|setting| {
            let source = match &setting.note {
                Some(note) => format!("{}  ({note})", setting.source),
                None => setting.source.to_string(),
            };
            [setting.key.clone(), setting.value.clone(), source]
        });
        return Ok(output::table(&rows.collect::<Vec<_>>())?);
    }
    let settings = config.explain().iter().map(|setting| {
        let mut entry =
            json!({ "key": setting.key, "value": setting.value, "source": setting.source.to_string() });
        if let (Some(note), Some(entry)) = (&setting.note, entry.as_object_mut()) {
            entry.insert("note".to_owned(), json!(note));
        }
        entry
    });
    Ok(output::json_pretty(&settings.collect())?)
}
