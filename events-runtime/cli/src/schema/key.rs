//! The event's key in a published file: the attribute `key` of the root.
//!
//! ```json
//! { "type": "record", "name": "OrderPlaced", "key": "customer.id", … }
//! ```
//!
//! The key is a path of names in the schema, or `null` if the event has none. In a file without the
//! attribute, such as one written by an earlier version of this crate, the key is unknown.

use serde_json::Value;

use super::diff::{Breaks, Change, ChangeKind};
use events_core::avro::Form;
use events_core::registry::Descriptor;
use events_schema::tree::{Record, Schema};
use events_schema::view::{Shape, View};

const ATTRIBUTE: &str = "key";

/// Adds the key of a definition to its schema. Schemas of the Open edX profile stay unchanged, since
/// their files match those of the Python package.
pub(super) fn with_key(mut schema: Value, descriptor: Descriptor) -> Value {
    let is_plain = descriptor.get().schemas.form == Form::Json;
    if let Some(object) = schema.as_object_mut().filter(|_| is_plain) {
        let fields = object.shift_remove("fields");
        object.insert(ATTRIBUTE.to_owned(), key_path(descriptor).map_or(Value::Null, Value::from));
        object.extend(fields.map(|fields| ("fields".to_owned(), fields)));
    }
    schema
}

/// Removes the key attribute from a schema.
pub(super) fn without_key(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if key_of(&schema).is_some()
        && let Some(object) = schema.as_object_mut()
    {
        object.shift_remove(ATTRIBUTE);
    }
    schema
}

/// The change of the key between two schemas whose keys are known. `newer` provides the aliases.
pub(super) fn change(old: &Value, new: &Value, newer: View<'_>) -> Option<Change> {
    let (from, to) = (key_of(old)?, key_of(new)?);
    let is_same = match (from, to) {
        (Some(from), Some(to)) => is_same(from, to, newer),
        (from, to) => from == to,
    };
    (!is_same).then(|| Change {
        path: String::new(),
        kind: ChangeKind::Key,
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        breaks: Breaks::NOTHING,
        question: Some(describe_effect(from, to)),
    })
}

/// Describes the change of the key since a published file.
pub(super) fn describe_change(published: &Value, descriptor: Descriptor) -> Option<String> {
    let code = with_key(Value::Object(serde_json::Map::new()), descriptor);
    let change = change(published, &code, View::tree(descriptor.schema()))?;
    let value = |value: Option<String>| value.map_or("none".to_owned(), |value| format!("`{value}`"));
    let (from, to) = (value(change.from), value(change.to));
    Some(format!("the key changes from {from} to {to}: {}", change.question.unwrap_or_default()))
}

/// Describes what a changed key means for consumers.
fn describe_effect(from: Option<&str>, to: Option<&str>) -> String {
    match (from, to) {
        (Some(from), Some(to)) => format!(
            "this changes order and partition: events with the same `{from}` were ordered, now events with the same `{to}` are; let consumers finish the old events first, since old and new events are not ordered relative to each other"
        ),
        (Some(from), None) => format!(
            "this changes order and partition: events with the same `{from}` were ordered, now no events are"
        ),
        (None, to) => format!(
            "this changes order and partition: events had no key, now events with the same `{}` are ordered and processed one at a time",
            to.unwrap_or_default()
        ),
    }
}

/// The key of a schema, or `None` if it is unknown.
#[allow(clippy::option_option, reason = "no key and an unknown key are different")]
fn key_of(schema: &Value) -> Option<Option<&str>> {
    match schema.get(ATTRIBUTE)? {
        Value::Null => Some(None),
        Value::String(path) => Some(Some(path)),
        // Not written by this crate.
        _ => None,
    }
}

/// Whether both paths name the same field, considering the aliases in the newer schema.
fn is_same(from: &str, to: &str, newer: View<'_>) -> bool {
    let (old, new): (Vec<_>, Vec<_>) = (from.split('.').collect(), to.split('.').collect());
    let mut schema = newer;
    from == to
        || (old.len() == new.len()
            && old.into_iter().zip(new).all(|(old, new)| {
                let Some((is_same, inner)) = same_field(schema, old, new) else { return false };
                schema = inner;
                is_same
            }))
}

/// Whether the field `new` was named `old`, and the schema of the field.
fn same_field<'a>(schema: View<'a>, old: &str, new: &str) -> Option<(bool, View<'a>)> {
    let Shape::Record(record) = schema.shape() else { return None };
    let field = record.field(record.position(new.as_bytes())?);
    let was_named = old == new || field.aliases.position(old.as_bytes()).is_some();
    Some((was_named, field.schema))
}

/// The path of the key, in the names of the schema.
fn key_path(descriptor: Descriptor) -> Option<String> {
    let mut schema = Some(descriptor.schema());
    let names = descriptor.key().iter().map(|own| {
        let Some(Schema::Record(record)) = schema else { return *own };
        let name = schema_name(record, own);
        schema = record.fields.iter().find(|field| field.name == name).map(|field| field.schema);
        name
    });
    let names: Vec<_> = names.collect();
    (!names.is_empty()).then(|| names.join("."))
}

/// The schema's name of a Rust field.
fn schema_name(record: &'static Record, field: &'static str) -> &'static str {
    record.origin.renamed.iter().find(|(rust, _)| *rust == field).map_or(field, |(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use events_core::{EventData, PublicSignal};

    #[derive(EventData)]
    struct Customer {
        #[event(rename = "number", alias = "id")]
        own_number: i64,
        code: String,
    }

    #[derive(PublicSignal)]
    #[public_signal(
        event_type = "org.acme.cli.key.kept.v1", key = customer.own_number
    )]
    struct KeyKept {
        #[event(rename = "buyer", alias = "customer")]
        customer: Box<Customer>,
        note: Option<String>,
    }

    #[derive(PublicSignal)]
    #[public_signal(event_type = "org.acme.cli.key.none.v1")]
    struct NoKey {
        number: i64,
    }

    #[derive(PublicSignal)]
    #[public_signal(
        event_type = "org.acme.cli.key.openedx.v1", key = number, profile = "openedx"
    )]
    struct OpenEdx {
        number: i64,
    }

    fn file<E: PublicSignal>() -> Value {
        with_key(serde_json::from_str(E::SCHEMA_JSON).unwrap(), Descriptor::of::<E>())
    }

    #[test]
    fn file_has_the_key_in_the_names_of_the_schema() {
        assert_eq!(file::<KeyKept>()["key"], "buyer.number");
        assert_eq!(file::<NoKey>().get("key"), Some(&Value::Null));
        let keys: Vec<_> = file::<KeyKept>().as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["type", "name", "namespace", "key", "fields"], "the key precedes the fields");
        assert_eq!(file::<OpenEdx>(), serde_json::from_str::<Value>(OpenEdx::SCHEMA_JSON).unwrap());
    }

    #[test]
    fn key_is_not_part_of_the_schema() {
        let (text, with_key) = (KeyKept::SCHEMA_JSON, file::<KeyKept>().to_string());
        let pack = |text: &str| events_schema::parse::pack(text).unwrap();
        assert_eq!(pack(text), pack(&with_key));
        assert_eq!(without_key(&file::<KeyKept>()), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn changed_key_changes_order_and_partition() {
        for (published, from) in [(json!("buyer.code"), "`buyer.code`"), (Value::Null, "none")] {
            let text = describe_change(&json!({ "key": published }), Descriptor::of::<KeyKept>()).unwrap();
            let start =
                format!("the key changes from {from} to `buyer.number`: this changes order and partition");
            assert!(text.starts_with(&start), "{text}");
        }
        let text = describe_change(&json!({ "key": "number" }), Descriptor::of::<NoKey>()).unwrap();
        assert!(text.starts_with("the key changes from `number` to none: this changes order and"), "{text}");
    }

    #[test]
    fn renamed_field_is_the_same_key() {
        for published in ["buyer.number", "customer.number", "buyer.id", "customer.id"] {
            assert_eq!(
                describe_change(&json!({ "key": published }), Descriptor::of::<KeyKept>()),
                None,
                "{published}"
            );
        }
    }

    #[test]
    fn unknown_key_is_no_change() {
        for file in [json!({}), json!({ "key": { "other": "attribute" } })] {
            assert_eq!(describe_change(&file, Descriptor::of::<KeyKept>()), None);
            assert_eq!(without_key(&file), file);
        }
        assert_eq!(describe_change(&json!({ "key": "number" }), Descriptor::of::<OpenEdx>()), None);
    }
}
