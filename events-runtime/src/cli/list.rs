//! `list` and `config explain`.

use serde_json::{Value, json};

use super::context::Context;
use super::failure::Failure;
use super::output;
use crate::registry::{Descriptor, Registry};

/// The linked event types.
pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let registry = Registry::linked()?;
    if context.json() {
        let list: Vec<_> = registry.iter().map(entry).collect();
        return Ok(output::pretty(&Value::Array(list))?);
    }
    if registry.is_empty() {
        output::tell(
            "no event type is linked: name the crates that define them with `events_runtime::link!`",
        );
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

fn entry(descriptor: Descriptor) -> Value {
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

/// Every setting with its value and where that came from.
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
        let mut shown =
            json!({ "key": setting.key, "value": setting.value, "source": setting.source.to_string() });
        if let (Some(note), Some(shown)) = (&setting.note, shown.as_object_mut()) {
            shown.insert("note".to_owned(), json!(note));
        }
        shown
    });
    Ok(output::pretty(&settings.collect())?)
}
