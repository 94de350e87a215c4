//! Values that Open edX's Python changes or rejects at run time, although the schema allows them.
//!
//! Found by running `openedx-events` 10.5.0 and 11.2.0, which agree:
//!
//! - `send_event` treats each argument that is false in Python (`0`, `0.0`, `False`, `""`, `b""`) as
//!   missing and raises a `SenderValidationError`, in the sender and in the consumer.
//! - The deserializer gives an optional attribute its default, `None`, if its value is false in
//!   Python: those above, an empty list or dict, a record without fields.
//! - The same holds for other defaults: `0` becomes `5`, and `False` becomes `True`, if that is the default.
//! - A class may have a default that is no value of its type: `plugin_configuration` of
//!   `CourseDiscussionConfigurationData` has the class `dict` itself. An empty map arrives as that class, and
//!   an event with it can't be written (`ValueError: Circular reference detected`).
//!   `#[event(python_default = "dict")]` says so.
//! - `bytes` can be read, but the serializer goes through JSON and raises
//!   `ValueError: Circular reference detected`.
//!
//! Whether a field can have such a value depends on its Rust type: the text of a time or of a UUID is never
//! empty, but its schema is `string`. Nothing is known of the texts of
//! `#[event(with = events_runtime::with::text)]`, so its fields are reported.

use std::collections::HashSet;

use events_schema::tree::{Field, Record, Schema};
use events_schema::view::{Shape, View};

/// Describes what Python does to values of an event of the profile `openedx`: one sentence for each kind of
/// hazard, with the fields.
///
/// ```
/// use events_runtime::avro::openedx::hazards;
/// use events_runtime::{EventData, PublicSignal};
///
/// #[derive(PublicSignal)]
/// #[public_signal(event_type = "org.openedx.learning.thing.done.v1", profile = "openedx")]
/// struct ThingDone {
///     count: u32,
///     thing: Thing,
/// }
///
/// #[derive(EventData)]
/// struct Thing {
///     name: Option<String>,
/// }
///
/// let hazards = hazards(ThingDone::SCHEMA);
/// assert!(hazards[0].starts_with("Python refuses the event where `count` is empty, zero or false"));
/// assert!(hazards[1].starts_with("Python reads an empty, zero or false `thing.name` as None"));
/// assert_eq!(hazards.len(), 2);
/// ```
#[must_use]
pub fn hazards(schema: &'static Schema) -> Vec<String> {
    let mut found = Hazards::default();
    if let Schema::Record(event) = schema {
        for field in event.fields {
            found.top(field);
        }
    }
    let hazards = [
        (
            found.refused,
            "Python refuses the event where ",
            " is empty, zero or false: move it into a nested data type, or never send such a value",
        ),
        (
            found.dropped,
            "Python reads an empty, zero or false ",
            " as None: remove the Option, or never send such a value",
        ),
        (
            found.replaced,
            "Python reads an empty, zero or false ",
            ", the default of its class: use a default that is empty, zero or false too, or none, or never send such a value",
        ),
        (
            found.unwritable,
            "Python can read the bytes of ",
            " but can't write them: use text, such as base64 in a String, if Python sends the event",
        ),
    ];
    let hazards = hazards.into_iter().filter(|(fields, ..)| !fields.is_empty());
    hazards.map(|(fields, before, behind)| format!("{before}{}{behind}", listed(&fields))).collect()
}

#[derive(Default)]
struct Hazards {
    refused: Vec<String>,
    dropped: Vec<String>,
    replaced: Vec<String>,
    unwritable: Vec<String>,
    /// Types that were visited: each is reported once.
    seen: HashSet<String>,
}

impl Hazards {
    fn top(&mut self, field: &'static Field) {
        if let Schema::Boolean | Schema::Long | Schema::Double | Schema::Bytes | Schema::String = field.schema
            && field.may_be_falsy
        {
            self.refused.push(quoted(field.name));
        }
        self.field(field.name, field);
    }

    fn field(&mut self, path: &str, field: &'static Field) {
        if let Schema::Nullable(_) = field.schema
            && field.may_be_falsy
        {
            self.dropped.push(quoted(path));
        }
        self.within(path, field.schema);
    }

    fn within(&mut self, path: &str, schema: &'static Schema) {
        match schema {
            Schema::Bytes => self.unwritable.push(quoted(path)),
            Schema::Array(inner) | Schema::Map(inner) | Schema::Nullable(inner) => self.within(path, inner),
            Schema::Record(record) => {
                if let Shape::Record(view) = View::tree(schema).shape()
                    && self.seen.insert(view.name.short_text())
                {
                    self.record(path, record);
                }
            }
            _ => {}
        }
    }

    fn record(&mut self, path: &str, record: &'static Record) {
        for field in record.fields {
            let path = format!("{path}.{}", field.name);
            if let Some(default) = truthy_default(field)
                && field.may_be_falsy
            {
                self.replaced.push(format!("`{path}` as {default}"));
            }
            self.field(&path, field);
        }
    }
}

/// A field's default in Python, as Python text, unless Python counts it as false.
fn truthy_default(field: &'static Field) -> Option<&'static str> {
    if field.python_default.is_some() {
        return field.python_default;
    }
    match field.default?.text {
        "0" | "0.0" | "false" | "\"\"" | "[]" | "{}" | "null" => None,
        "true" => Some("True"),
        text => Some(text),
    }
}

fn quoted(field: &str) -> String {
    format!("`{field}`")
}

fn listed(fields: &[String]) -> String {
    match fields.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => fields.concat(),
    }
}
