//! What differs in what no reader looks at: documentation, and attributes of the user's own.

use serde_json::{Map, Value};

use super::change::{Breaks, Change, What};

/// What the comparison of structures has seen.
const STRUCTURE: [&str; 13] = [
    "aliases",
    "default",
    "fields",
    "items",
    "logicalType",
    "name",
    "namespace",
    "precision",
    "scale",
    "size",
    "symbols",
    "type",
    "values",
];

/// The differences between what both schemas have, in the order of the newer one.
pub(super) fn changes(old: &Value, new: &Value) -> Vec<Change> {
    let (mut before, mut now) = (Vec::new(), Vec::new());
    collect(old, "", &mut before);
    collect(new, "", &mut now);
    let mut changes = Vec::new();
    for part in &now {
        let Some(known) = before.iter().find(|known| known.key == part.key) else { continue };
        let gone = known.attributes.iter().filter(|(name, _)| !part.attributes.contains_key(*name));
        for (name, _) in part.attributes.iter().chain(gone) {
            let (from, to) = (known.attributes.get(name), part.attributes.get(name));
            if from != to && !STRUCTURE.contains(&name.as_str()) {
                changes.push(Change {
                    path: part.path.clone(),
                    what: What::Attribute(name.clone()),
                    from: from.map(ToString::to_string),
                    to: to.map(ToString::to_string),
                    breaks: Breaks::NOTHING,
                });
            }
        }
    }
    changes
}

/// A named type or a field.
struct Part<'a> {
    /// The type's name, and the field's: what is defined once may stand at another path.
    key: (&'a str, Option<&'a str>),
    path: String,
    attributes: &'a Map<String, Value>,
}

fn collect<'a>(schema: &'a Value, path: &str, parts: &mut Vec<Part<'a>>) {
    let attributes = match schema {
        Value::Array(branches) => return branches.iter().for_each(|branch| collect(branch, path, parts)),
        Value::Object(attributes) => attributes,
        _ => return,
    };
    for inner in ["items", "values"] {
        if let Some(schema) = attributes.get(inner) {
            collect(schema, &format!("{path}[]"), parts);
        }
    }
    if let Some(schema @ (Value::Object(_) | Value::Array(_))) = attributes.get("type") {
        collect(schema, path, parts);
    }
    let Some(name) = attributes.get("name").and_then(Value::as_str) else { return };
    let name = name.rsplit('.').next().unwrap_or(name);
    parts.push(Part { key: (name, None), path: path.to_owned(), attributes });
    for field in attributes.get("fields").and_then(Value::as_array).into_iter().flatten() {
        let (Some(attributes), Some(field_name)) =
            (field.as_object(), field.get("name").and_then(Value::as_str))
        else {
            continue;
        };
        let path = if path.is_empty() { field_name.to_owned() } else { format!("{path}.{field_name}") };
        parts.push(Part { key: (name, Some(field_name)), path: path.clone(), attributes });
        collect(field.get("type").unwrap_or(&Value::Null), &path, parts);
    }
}
