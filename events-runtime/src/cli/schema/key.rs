//! An event's key in the files that are published: the attribute `key` of the root.
//!
//! ```json
//! { "type": "record", "name": "OrderPlaced", "key": "customer.id", … }
//! ```
//!
//! It is a path of names in the schema, and `null` where the event has no key. A file without it, as
//! those of earlier versions of this crate are, does not say which key there was.

use serde_json::Value;

use super::diff::{Breaks, Change, What};
use crate::avro::Form;
use crate::registry::Descriptor;
use events_schema::tree::{Record, Schema};
use events_schema::view::{Shape, View};

const ATTRIBUTE: &str = "key";

/// The schema of a definition with its key. What is registered as Open edX does has no more than that.
pub(super) fn with_key(mut schema: Value, descriptor: Descriptor) -> Value {
    let is_plain = descriptor.get().schemas.form == Form::Json;
    if let Some(object) = schema.as_object_mut().filter(|_| is_plain) {
        let fields = object.shift_remove("fields");
        object.insert(ATTRIBUTE.to_owned(), path(descriptor).map_or(Value::Null, Value::from));
        object.extend(fields.map(|fields| ("fields".to_owned(), fields)));
    }
    schema
}

/// A schema without what it says of the key.
pub(super) fn without_key(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if known(&schema).is_some()
        && let Some(object) = schema.as_object_mut()
    {
        object.shift_remove(ATTRIBUTE);
    }
    schema
}

/// What changed between two schemas that both say their key; the newer one has the aliases.
pub(super) fn change(old: &Value, new: &Value, newer: View<'_>) -> Option<Change> {
    let (from, to) = (known(old)?, known(new)?);
    let is_same = match (from, to) {
        (Some(from), Some(to)) => is_same(from, to, newer),
        (from, to) => from == to,
    };
    (!is_same).then(|| Change {
        path: String::new(),
        what: What::Key,
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        breaks: Breaks::NOTHING,
        question: Some(meaning(from, to)),
    })
}

/// What changed since a published file, in a sentence.
pub(super) fn changed(published: &Value, descriptor: Descriptor) -> Option<String> {
    let code = with_key(Value::Object(serde_json::Map::new()), descriptor);
    let change = change(published, &code, View::tree(descriptor.schema()))?;
    let value = |value: Option<String>| value.map_or("none".to_owned(), |value| format!("`{value}`"));
    let (from, to) = (value(change.from), value(change.to));
    Some(format!("the key changes from {from} to {to}: {}", change.question.unwrap_or_default()))
}

/// What a changed key means for those who receive the events.
fn meaning(from: Option<&str>, to: Option<&str>) -> String {
    match (from, to) {
        (Some(from), Some(to)) => format!(
            "this changes order and partition: events of one `{from}` kept their order, now those of one `{to}` do; let the consumers work off what was sent before, for no order holds between old and new events"
        ),
        (Some(from), None) => {
            format!("this changes order and partition: events of one `{from}` kept their order, now none do")
        }
        (None, to) => format!(
            "this changes order and partition: there was no key, now events of one `{}` keep their order, each behind the one before",
            to.unwrap_or_default()
        ),
    }
}

/// The key that a schema says, where it does.
#[allow(clippy::option_option, reason = "to say that there is no key, and to say nothing")]
fn known(schema: &Value) -> Option<Option<&str>> {
    match schema.get(ATTRIBUTE)? {
        Value::Null => Some(None),
        Value::String(path) => Some(Some(path)),
        // An attribute of somebody else's.
        _ => None,
    }
}

/// Whether a path of the newer schema leads to the field that had the older path, by its aliases.
fn is_same(from: &str, to: &str, newer: View<'_>) -> bool {
    let (old, new): (Vec<_>, Vec<_>) = (from.split('.').collect(), to.split('.').collect());
    let mut schema = newer;
    from == to
        || (old.len() == new.len()
            && old.into_iter().zip(new).all(|(old, new)| {
                let Some((is_same, inner)) = step(schema, old, new) else { return false };
                schema = inner;
                is_same
            }))
}

fn step<'a>(schema: View<'a>, old: &str, new: &str) -> Option<(bool, View<'a>)> {
    let Shape::Record(record) = schema.shape() else { return None };
    let field = record.field(record.position(new.as_bytes())?);
    let was_named = old == new || field.aliases.position(old.as_bytes()).is_some();
    Some((was_named, field.schema))
}

/// The names in the schema that lead to the key.
fn path(descriptor: Descriptor) -> Option<String> {
    let mut schema = Some(descriptor.schema());
    let names = descriptor.key().iter().map(|own| {
        let Some(Schema::Record(record)) = schema else { return *own };
        let name = renamed(record, own);
        schema = record.fields.iter().find(|field| field.name == name).map(|field| field.schema);
        name
    });
    let names: Vec<_> = names.collect();
    (!names.is_empty()).then(|| names.join("."))
}

fn renamed(record: &'static Record, own: &'static str) -> &'static str {
    record.origin.renamed.iter().find(|(rust, _)| *rust == own).map_or(own, |(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{EventData, PublicSignal};

    #[derive(EventData)]
    #[event(crate = crate)]
    struct Customer {
        #[event(rename = "number", alias = "id")]
        own_number: i64,
        code: String,
    }

    #[derive(PublicSignal)]
    #[public_signal(
        event_type = "org.acme.cli.key.kept.v1", key = customer.own_number, crate = crate
    )]
    struct KeyKept {
        #[event(rename = "buyer", alias = "customer")]
        customer: Box<Customer>,
        note: Option<String>,
    }

    #[derive(PublicSignal)]
    #[public_signal(event_type = "org.acme.cli.key.none.v1", crate = crate)]
    struct NoKey {
        number: i64,
    }

    #[derive(PublicSignal)]
    #[public_signal(
        event_type = "org.acme.cli.key.openedx.v1", key = number, profile = "openedx", crate = crate
    )]
    struct OpenEdx {
        number: i64,
    }

    fn file<E: PublicSignal>() -> Value {
        with_key(serde_json::from_str(E::SCHEMA_JSON).unwrap(), Descriptor::of::<E>())
    }

    #[test]
    fn a_file_says_the_key_by_the_names_of_the_schema() {
        assert_eq!(file::<KeyKept>()["key"], "buyer.number");
        assert_eq!(file::<NoKey>().get("key"), Some(&Value::Null));
        let keys: Vec<_> = file::<KeyKept>().as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["type", "name", "namespace", "key", "fields"], "it is read before the fields");
        assert_eq!(file::<OpenEdx>(), serde_json::from_str::<Value>(OpenEdx::SCHEMA_JSON).unwrap());
    }

    #[test]
    fn a_key_of_a_file_is_no_part_of_its_schema() {
        let (text, with_key) = (KeyKept::SCHEMA_JSON, file::<KeyKept>().to_string());
        let pack = |text: &str| events_schema::packed::pack(text).unwrap();
        assert_eq!(pack(text), pack(&with_key));
        assert_eq!(without_key(&file::<KeyKept>()), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn another_key_is_a_change_of_order_and_partition() {
        for (published, from) in [(json!("buyer.code"), "`buyer.code`"), (Value::Null, "none")] {
            let told = changed(&json!({ "key": published }), Descriptor::of::<KeyKept>()).unwrap();
            let begin =
                format!("the key changes from {from} to `buyer.number`: this changes order and partition");
            assert!(told.starts_with(&begin), "{told}");
        }
        let told = changed(&json!({ "key": "number" }), Descriptor::of::<NoKey>()).unwrap();
        assert!(told.starts_with("the key changes from `number` to none: this changes order and"), "{told}");
    }

    #[test]
    fn a_field_that_was_renamed_is_the_same_key() {
        for published in ["buyer.number", "customer.number", "buyer.id", "customer.id"] {
            assert_eq!(
                changed(&json!({ "key": published }), Descriptor::of::<KeyKept>()),
                None,
                "{published}"
            );
        }
    }

    #[test]
    fn a_file_that_says_no_key_says_nothing_of_a_change() {
        for file in [json!({}), json!({ "key": { "of": "somebody else" } })] {
            assert_eq!(changed(&file, Descriptor::of::<KeyKept>()), None);
            assert_eq!(without_key(&file), file);
        }
        assert_eq!(changed(&json!({ "key": "number" }), Descriptor::of::<OpenEdx>()), None);
    }
}
