//! `-0` as a default of an integer means `0`.
//!
//! JSON parsers return a negative zero, which a `float` or a `double` keeps. So the type of the field decides, and
//! inside of a record, an array or a map, the types of its parts.

use serde_json::Value;

use crate::view::{Shape, View};

/// Replaces `-0` by `0` in the defaults of integers, in the JSON of a schema that is packed in these bytes.
/// Returns whether there was one.
pub(super) fn normalize(schema: &mut Value, packed: &[u8]) -> bool {
    let before = schema.clone();
    defaults(schema, View::packed(packed));
    *schema != before
}

/// Visits the fields of all records that are defined in this part of the JSON.
fn defaults(schema: &mut Value, view: View<'_>) {
    match (schema, view.shape()) {
        (Value::Array(branches), Shape::Union(union)) => {
            for (index, branch) in branches.iter_mut().enumerate() {
                defaults(branch, union.branch(index));
            }
        }
        (Value::Object(object), shape) => match (object.get_mut("type"), shape) {
            (Some(inner @ (Value::Object(_) | Value::Array(_))), _) => defaults(inner, view),
            (_, Shape::Array(items)) => {
                if let Some(inner) = object.get_mut("items") {
                    defaults(inner, items);
                }
            }
            (_, Shape::Map(values)) => {
                if let Some(inner) = object.get_mut("values") {
                    defaults(inner, values);
                }
            }
            (_, Shape::Record(record)) => {
                let fields = object.get_mut("fields").and_then(Value::as_array_mut);
                for (index, field) in fields.into_iter().flatten().enumerate() {
                    let view = record.field(index).schema;
                    if let Some(default) = field.get_mut("default") {
                        value(default, view);
                    }
                    if let Some(schema) = field.get_mut("type") {
                        defaults(schema, view);
                    }
                }
            }
            _ => {}
        },
        _ => {}
    }
}

fn value(value: &mut Value, schema: View<'_>) {
    match (schema.shape(), value) {
        (Shape::Int | Shape::Long, Value::Number(number)) if number.as_f64() == Some(0.0) => {
            *number = 0.into();
        }
        (Shape::Array(items), Value::Array(values)) => {
            for value in values {
                self::value(value, items);
            }
        }
        (Shape::Map(inner), Value::Object(entries)) => {
            for value in entries.values_mut() {
                self::value(value, inner);
            }
        }
        (Shape::Record(record), Value::Object(entries)) => {
            for (name, value) in entries {
                if let Some(index) = record.position(name.as_bytes()) {
                    self::value(value, record.field(index).schema);
                }
            }
        }
        // A reader takes a default by the first branch that it fits.
        (Shape::Union(union), value) => {
            let mut branches = (0..union.len()).map(|index| union.branch(index));
            if let Some(branch) = branches.find(|branch| fits(value, *branch)) {
                self::value(value, branch);
            }
        }
        _ => {}
    }
}

fn fits(value: &Value, schema: View<'_>) -> bool {
    match (schema.shape(), value) {
        (Shape::Int | Shape::Long | Shape::Float | Shape::Double, Value::Number(_))
        | (Shape::Array(_), Value::Array(_))
        | (Shape::Map(_), Value::Object(_)) => true,
        (Shape::Record(record), Value::Object(entries)) => {
            entries.keys().all(|name| record.position(name.as_bytes()).is_some())
        }
        _ => false,
    }
}
