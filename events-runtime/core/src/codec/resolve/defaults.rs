//! Encodes the default of a field, once for each plan.

use serde_json::Value;

use crate::codec::json::whole;
use crate::codec::reader::MAX_DEPTH;
use crate::codec::varint;
use events_schema::view::{Shape, View, text};

/// The datum of a default, which is JSON text.
///
/// # Errors
/// The default is not a value of the schema. The check of definitions rejects such defaults.
pub(super) fn datum(schema: View<'_>, default: &[u8]) -> Result<Vec<u8>, String> {
    let value = serde_json::from_slice(default).map_err(|error| error.to_string());
    let mut out = Vec::new();
    if value.is_ok_and(|value| write(schema, &value, &mut out, 0)) {
        Ok(out)
    } else {
        Err(format!("the default {} is not a value of its schema", text(default)))
    }
}

fn append_len(len: usize, out: &mut Vec<u8>) {
    varint::append(i64::try_from(len).unwrap_or(i64::MAX), out);
}

fn append_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    append_len(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Writes a value; returns `false` if it is not one of the schema.
fn write(schema: View<'_>, value: &Value, out: &mut Vec<u8>, depth: usize) -> bool {
    let depth = depth + 1;
    if depth > MAX_DEPTH {
        return false;
    }
    match (schema.shape(), value) {
        (Shape::Null, Value::Null) => {}
        (Shape::Boolean, Value::Bool(value)) => out.push(u8::from(*value)),
        (Shape::Int, Value::Number(number)) => {
            let Some(value) = whole(number).filter(|value| i32::try_from(*value).is_ok()) else {
                return false;
            };
            varint::append(value, out);
        }
        (Shape::Long, Value::Number(number)) => {
            let Some(value) = whole(number) else { return false };
            varint::append(value, out);
        }
        (Shape::Float, Value::Number(number)) => {
            let Some(value) = number.as_f64() else { return false };
            #[allow(clippy::cast_possible_truncation, reason = "the default of a `float` is rounded")]
            let single = value as f32;
            if single.is_infinite() {
                return false;
            }
            out.extend(single.to_le_bytes());
        }
        (Shape::Double, Value::Number(number)) => {
            let Some(value) = number.as_f64() else { return false };
            out.extend(value.to_le_bytes());
        }
        (Shape::String, Value::String(text)) => append_bytes(text.as_bytes(), out),
        (Shape::Bytes, Value::String(text)) => {
            let Some(bytes) = latin1(text) else { return false };
            append_bytes(&bytes, out);
        }
        (Shape::Fixed(_, size), Value::String(text)) => {
            let Some(bytes) = latin1(text).filter(|bytes| bytes.len() == size) else { return false };
            out.extend(bytes);
        }
        (Shape::Enum(view), Value::String(symbol)) => {
            let Some(index) = view.symbols.position(symbol.as_bytes()) else { return false };
            append_len(index, out);
        }
        (Shape::Array(item), Value::Array(items)) => {
            if !items.is_empty() {
                append_len(items.len(), out);
            }
            if !items.iter().all(|value| write(item, value, out, depth)) {
                return false;
            }
            out.push(0);
        }
        (Shape::Map(inner), Value::Object(entries)) => {
            if !entries.is_empty() {
                append_len(entries.len(), out);
            }
            for (key, value) in entries {
                append_bytes(key.as_bytes(), out);
                if !write(inner, value, out, depth) {
                    return false;
                }
            }
            out.push(0);
        }
        // A value of the first branch, or of any other as the specification allows since 1.12.
        (Shape::Union(union), value) => {
            let start = out.len();
            return (0..union.len()).any(|branch| {
                out.truncate(start);
                append_len(branch, out);
                write(union.branch(branch), value, out, depth)
            });
        }
        (Shape::Record(record), Value::Object(entries)) => {
            // If this is a branch of a union, another branch may have these fields.
            if entries.keys().any(|name| record.position(name.as_bytes()).is_none()) {
                return false;
            }
            for index in 0..record.len() {
                let field = record.field(index);
                let own = field.default.and_then(|default| serde_json::from_slice(default).ok());
                let written = match (entries.get(text(field.name)), own) {
                    (Some(value), _) => write(field.schema, value, out, depth),
                    (None, Some(own)) => write(field.schema, &own, out, depth),
                    (None, None) => false,
                };
                if !written {
                    return false;
                }
            }
        }
        _ => return false,
    }
    true
}

/// The bytes of a text, one for each character.
fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}
