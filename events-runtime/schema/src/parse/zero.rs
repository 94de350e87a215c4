//! `-0` as the default of a whole number: it is `0`.
//!
//! Parsers of JSON give it as a negative zero, and a `float` or a `double` keeps that. So the type of
//! the field decides, and of a record, an array or a map within the default that of its parts.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::name::FullName;

/// Writes each `-0` of a whole number in the defaults of a schema as `0`.
pub(super) fn normalize(schema: &mut Value, text: &str) {
    // Hardly any schema has one.
    if text.contains("-0") {
        let mut records = Records::default();
        records.collect(schema, "");
        records.defaults(schema, "");
    }
}

/// The records of a schema, by full name.
#[derive(Default)]
struct Records(HashMap<String, Record>);

struct Record {
    namespace: String,
    fields: Vec<(String, Value)>,
}

impl Record {
    fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, schema)| schema)
    }
}

/// What a value of a type is, as far as a zero can be in it.
enum Kind<'a> {
    Whole,
    Fraction,
    Items(&'a Value),
    Values(&'a Value),
    Record(&'a Record),
    Union(&'a [Value]),
    Other,
}

impl Records {
    fn collect(&mut self, schema: &Value, namespace: &str) {
        match schema {
            Value::Array(branches) => branches.iter().for_each(|branch| self.collect(branch, namespace)),
            Value::Object(object) => {
                for inner in ["type", "items", "values"].iter().filter_map(|inner| object.get(*inner)) {
                    self.collect(inner, namespace);
                }
                let Some(fields) = object.get("fields").and_then(Value::as_array) else { return };
                let name = full_name(object, namespace);
                let fields = fields.iter().filter_map(|field| {
                    Some((field.get("name")?.as_str()?.to_owned(), field.get("type")?.clone()))
                });
                let fields: Vec<_> = fields.collect();
                for (_, schema) in &fields {
                    self.collect(schema, &name.namespace);
                }
                self.0.insert(name.text(), Record { namespace: name.namespace, fields });
            }
            _ => {}
        }
    }

    /// Goes through the fields of all records.
    fn defaults(&self, schema: &mut Value, namespace: &str) {
        match schema {
            Value::Array(branches) => {
                for branch in branches {
                    self.defaults(branch, namespace);
                }
            }
            Value::Object(object) => {
                let name = full_name(object, namespace);
                for inner in ["type", "items", "values"] {
                    if let Some(inner) = object.get_mut(inner) {
                        self.defaults(inner, namespace);
                    }
                }
                let fields = object.get_mut("fields").and_then(Value::as_array_mut);
                for field in fields.into_iter().flatten() {
                    let Some(mut default) = field.get_mut("default").map(Value::take) else { continue };
                    if let Some(schema) = field.get("type") {
                        self.value(schema, &name.namespace, &mut default);
                    }
                    if let Some(own) = field.get_mut("default") {
                        *own = default;
                    }
                }
                let fields = object.get_mut("fields").and_then(Value::as_array_mut);
                for schema in fields.into_iter().flatten().filter_map(|field| field.get_mut("type")) {
                    self.defaults(schema, &name.namespace);
                }
            }
            _ => {}
        }
    }

    /// Every step leads deeper into the value or the text of the schema, and so this ends.
    fn value(&self, schema: &Value, namespace: &str, value: &mut Value) {
        match (self.kind(schema, namespace), value) {
            (Kind::Whole, Value::Number(number)) if number.as_f64() == Some(0.0) => *number = 0.into(),
            (Kind::Items(item), Value::Array(values)) => {
                for value in values {
                    self.value(item, namespace, value);
                }
            }
            (Kind::Values(inner), Value::Object(entries)) => {
                entries.values_mut().for_each(|value| self.value(inner, namespace, value));
            }
            (Kind::Record(record), Value::Object(entries)) => {
                for (name, value) in entries {
                    if let Some(schema) = record.field(name) {
                        self.value(schema, &record.namespace, value);
                    }
                }
            }
            // As a reader takes the default: by the first branch that it fits.
            (Kind::Union(branches), value) => {
                if let Some(branch) = branches.iter().find(|branch| self.fits(branch, namespace, value)) {
                    self.value(branch, namespace, value);
                }
            }
            _ => {}
        }
    }

    fn fits(&self, schema: &Value, namespace: &str, value: &Value) -> bool {
        match (self.kind(schema, namespace), value) {
            (Kind::Whole | Kind::Fraction, Value::Number(_))
            | (Kind::Items(_), Value::Array(_))
            | (Kind::Values(_), Value::Object(_)) => true,
            (Kind::Record(record), Value::Object(entries)) => {
                entries.keys().all(|name| record.field(name).is_some())
            }
            _ => false,
        }
    }

    fn kind<'a>(&'a self, schema: &'a Value, namespace: &str) -> Kind<'a> {
        let object = match schema {
            Value::String(name) => return self.named(name, namespace),
            Value::Array(branches) => return Kind::Union(branches),
            Value::Object(object) => object,
            _ => return Kind::Other,
        };
        match object.get("type") {
            Some(Value::String(kind)) => match (kind.as_str(), object.get("items"), object.get("values")) {
                ("array", Some(items), _) => Kind::Items(items),
                ("map", _, Some(values)) => Kind::Values(values),
                ("record" | "error", ..) => {
                    self.0.get(&full_name(object, namespace).text()).map_or(Kind::Other, Kind::Record)
                }
                ("enum" | "fixed", ..) => Kind::Other,
                (name, ..) => self.named(name, namespace),
            },
            Some(inner) => self.kind(inner, namespace),
            None => Kind::Other,
        }
    }

    fn named(&self, name: &str, namespace: &str) -> Kind<'_> {
        match name {
            "int" | "long" => Kind::Whole,
            "float" | "double" => Kind::Fraction,
            name => {
                let full = FullName::new(name, namespace).text();
                self.0.get(&full).or_else(|| self.0.get(name)).map_or(Kind::Other, Kind::Record)
            }
        }
    }
}

fn full_name(object: &Map<String, Value>, enclosing: &str) -> FullName {
    let text = |name| object.get(name).and_then(Value::as_str);
    FullName::new(text("name").unwrap_or_default(), text("namespace").unwrap_or(enclosing))
}
