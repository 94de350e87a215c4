//! Checks the defaults of a file, by the same rules as `avro::defaults` at compile time.

use serde_json::{Map, Value};

use super::item::{Item, ItemKind, Items, Member, Type};
use super::model::Primitive;
use super::report::{Report, SchemaPath};
use events_core::avro::json::whole;

/// Reports each default that is not valid for its field.
pub(super) fn check(items: &Items, report: &mut Report) {
    for item in &items.0 {
        for member in item.members() {
            if let Some(default) = &member.attributes.default
                && !fits(&member.ty, default, items)
            {
                let what = format!(
                    "the default {default} is not a valid value for this field: correct or remove it"
                );
                report.error(&SchemaPath::default().field(&item.name).field(&member.attributes.name), what);
            }
        }
    }
}

fn fits(ty: &Type, json: &Value, items: &Items) -> bool {
    match (ty, json) {
        (Type::Option(inner), json) => json.is_null() || fits(inner, json, items),
        (Type::External { avro, .. }, json) => fits_primitive(*avro, json),
        (Type::Vec(item), Value::Array(values)) => values.iter().all(|value| fits(item, value, items)),
        (Type::Map(value), Value::Object(entries)) => entries.values().all(|entry| fits(value, entry, items)),
        // A back reference has no fields to compare with.
        (Type::Item { id, back: false, .. }, json) => match (items.0.get(*id).map(|item| &item.kind), json) {
            (Some(ItemKind::Symbols { symbols, .. }), Value::String(text)) => symbols.contains(text),
            (Some(ItemKind::Struct(members)), Value::Object(entries)) => fits_record(members, entries, items),
            (Some(ItemKind::Union(branches)), Value::Object(entries)) => {
                let mut records = branches.iter().filter(|branch| !branch.other);
                records.any(|branch| fits_record(&branch.members, entries, items))
            }
            _ => false,
        },
        _ => false,
    }
}

fn fits_primitive(kind: Primitive, json: &Value) -> bool {
    match kind {
        Primitive::Null => json.is_null(),
        Primitive::Boolean => json.is_boolean(),
        Primitive::Int => whole_of(json).is_some_and(|value| i32::try_from(value).is_ok()),
        Primitive::Long => whole_of(json).is_some(),
        Primitive::Float => json.as_f64().is_some_and(is_single),
        Primitive::Double => json.is_number(),
        Primitive::String => json.is_string(),
        // Each character stands for a byte.
        Primitive::Bytes => json.as_str().is_some_and(|text| text.chars().all(|c| u8::try_from(c).is_ok())),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the default of a `float` is rounded")]
fn is_single(value: f64) -> bool {
    (value as f32).is_finite()
}

fn whole_of(json: &Value) -> Option<i64> {
    json.as_number().and_then(whole)
}

/// Replaces `-0` by `0` in integer defaults: a JSON parser reads `-0` as a floating-point number.
pub(super) fn normalize(items: &mut Items) {
    let known = items.clone();
    let all = items.0.iter_mut().flat_map(Item::members_mut);
    for member in all {
        if let Some(default) = &mut member.attributes.default {
            normalize_value(&member.ty, default, &known);
        }
    }
}

fn normalize_value(ty: &Type, json: &mut Value, items: &Items) {
    match (ty, json) {
        (Type::External { avro: Primitive::Int | Primitive::Long, .. }, json) => {
            if let Some(whole) = whole_of(json) {
                *json = whole.into();
            }
        }
        (Type::Option(inner), json) => normalize_value(inner, json, items),
        (Type::Vec(item), Value::Array(values)) => {
            for value in values {
                normalize_value(item, value, items);
            }
        }
        (Type::Map(value), Value::Object(entries)) => {
            for entry in entries.values_mut() {
                normalize_value(value, entry, items);
            }
        }
        (Type::Item { id, .. }, Value::Object(entries)) => {
            for member in items.0.get(*id).into_iter().flat_map(Item::members) {
                if let Some(value) = entries.get_mut(&member.attributes.name) {
                    normalize_value(&member.ty, value, items);
                }
            }
        }
        _ => {}
    }
}

fn fits_record(members: &[Member], entries: &Map<String, Value>, items: &Items) -> bool {
    let complete = members.iter().all(|member| match entries.get(&member.attributes.name) {
        Some(value) => fits(&member.ty, value, items),
        None => member.attributes.default.is_some() || matches!(member.ty, Type::Option(_)),
    });
    complete && entries.keys().all(|key| members.iter().any(|member| member.attributes.name == *key))
}

#[cfg(test)]
mod tests {
    use super::super::{read::read, shape::shape};
    use super::*;

    /// Whether a default is valid for a field of this type, which may use `R`, `E`, `UX` and `UY`.
    fn is_valid(ty: &str, default: &str) -> bool {
        let text = format!(
            r#"{{"type": "record", "name": "Root", "fields": [
                {{"name": "r", "type": {{"type": "record", "name": "R", "fields": [
                    {{"name": "a", "type": "int"}},
                    {{"name": "b", "type": "int", "default": 1}},
                    {{"name": "c", "type": ["null", "R"], "default": null}}]}}}},
                {{"name": "e", "type": {{"type": "enum", "name": "E", "symbols": ["A", "B"]}}}},
                {{"name": "u", "type": [
                    {{"type": "record", "name": "UX", "fields": [{{"name": "x", "type": "int"}}]}},
                    {{"type": "record", "name": "UY", "fields": []}}]}},
                {{"name": "own", "type": {ty}, "default": {default}}}]}}"#
        );
        let mut report = Report::default();
        let source = read(&text, &mut report).expect(&text);
        let items = shape(&source, None, &mut report).unwrap_or_else(|| panic!("{:?}", report.lines("x")));
        check(&items, &mut report);
        report.is_ok()
    }

    #[test]
    fn defaults_are_checked_against_the_type() {
        for (ty, default, expected) in [
            (r#""boolean""#, "true", true),
            (r#""boolean""#, "0", false),
            (r#""int""#, "2147483647", true),
            (r#""int""#, "2147483648", false),
            (r#""int""#, "1.0", false),
            (r#""long""#, "9223372036854775808", false),
            (r#""double""#, "1", true),
            (r#""int""#, "-0", true),
            (r#""float""#, r#""NaN""#, false),
            (r#""float""#, "3.4028235e38", true),
            (r#""float""#, "3.5e38", false),
            (r#""string""#, r#""""#, true),
            (r#""bytes""#, r#""\u00ff""#, true),
            (r#""bytes""#, r#""\u0100""#, false),
            (r#"{"type": "array", "items": "int"}"#, "[1, 2]", true),
            (r#"{"type": "array", "items": "int"}"#, r#"["a"]"#, false),
            (r#"{"type": "map", "values": "int"}"#, r#"{"a": 1}"#, true),
            (r#"["null", "int"]"#, "null", true),
            (r#"["null", "int"]"#, "1", true),
            (r#"["null", "int"]"#, r#""1""#, false),
            (r#""E""#, r#""B""#, true),
            (r#""E""#, r#""C""#, false),
            (r#""R""#, r#"{"a": 1}"#, true),
            (r#""R""#, r#"{"a": 1, "b": 2, "c": null}"#, true),
            (r#""R""#, "{}", false),
            (r#""R""#, r#"{"a": 1, "d": 2}"#, false),
            (r#"["UX", "UY"]"#, r#"{"x": 1}"#, true),
            (r#"["UX", "UY"]"#, "{}", true),
            (r#"["UX", "UY"]"#, r#"{"z": 1}"#, false),
            (r#"{"type": "array", "items": "Root"}"#, "[]", true),
        ] {
            assert_eq!(is_valid(ty, default), expected, "{ty} {default}");
        }
    }
}
