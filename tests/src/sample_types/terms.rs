//! Values in the JSON form of `tests/interop/judge.py`, as apache-avro decodes our datums.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{Name, NamespaceRef, ResolvedSchema, Schema};
use apache_avro::types::Value;
use serde_json::{Map, json};

/// The schema without its logical types: the encoding alone.
///
/// # Errors
/// If the text is not an Avro schema.
pub fn physical(schema_json: &str) -> Result<Schema, String> {
    let mut json: serde_json::Value = serde_json::from_str(schema_json).map_err(|error| error.to_string())?;
    strip(&mut json);
    Schema::parse(&json).map_err(|error| error.to_string())
}

fn strip(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Object(object) => {
            object.remove("logicalType");
            object.values_mut().for_each(strip);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// The value of a datum.
///
/// # Errors
/// If the bytes are not exactly one datum of the schema.
pub fn terms(schema: &Schema, mut datum: &[u8]) -> Result<serde_json::Value, String> {
    let resolved = ResolvedSchema::new(schema).map_err(|error| error.to_string())?;
    let reader = GenericDatumReader::builder(schema).build().map_err(|error| error.to_string())?;
    let value = reader.read_value(&mut datum).map_err(|error| error.to_string())?;
    if !datum.is_empty() {
        return Err(format!("{} bytes are left behind the datum", datum.len()));
    }
    json_of(schema, &resolved, &value, None)
}

fn json_of(
    schema: &Schema,
    resolved: &ResolvedSchema<'_>,
    value: &Value,
    namespace: NamespaceRef<'_>,
) -> Result<serde_json::Value, String> {
    let inner = |schema, value| json_of(schema, resolved, value, namespace);
    Ok(match (schema, value) {
        (Schema::Ref { name }, value) => {
            let (name, schema) = definition(resolved, name, namespace)?;
            return json_of(schema, resolved, value, name.namespace());
        }
        (_, Value::Null) => json!(null),
        (_, Value::Boolean(value)) => json!(value),
        (_, Value::Int(value)) => json!(value),
        (_, Value::Long(value)) => json!(value),
        (_, Value::Float(value)) => float(f64::from(*value)),
        (_, Value::Double(value)) => float(*value),
        (_, Value::Bytes(bytes)) => {
            json!({ "$bytes": hex(bytes) })
        }
        (_, Value::String(text) | Value::Enum(_, text)) => json!(text),
        (Schema::Array(array), Value::Array(items)) => {
            items.iter().map(|item| inner(&array.items, item)).collect::<Result<_, _>>()?
        }
        (Schema::Map(map), Value::Map(entries)) => {
            let entries = entries.iter().map(|(key, value)| Ok((key.clone(), inner(&map.types, value)?)));
            serde_json::Value::Object(entries.collect::<Result<Map<_, _>, String>>()?)
        }
        (Schema::Record(record), Value::Record(fields)) => {
            let own = record.name.fully_qualified_name(namespace);
            let fields = fields.iter().zip(&record.fields).map(|((name, value), field)| {
                Ok((name.clone(), json_of(&field.schema, resolved, value, own.namespace())?))
            });
            serde_json::Value::Object(fields.collect::<Result<Map<_, _>, String>>()?)
        }
        (Schema::Union(union), Value::Union(index, value)) => {
            let index = usize::try_from(*index).map_err(|error| error.to_string())?;
            let branch = union.variants().get(index).ok_or("no such branch")?;
            let shown = inner(branch, value)?;
            match branch.name() {
                Some(name) => {
                    let name = name.fully_qualified_name(namespace);
                    json!({ "$branch": [name.fullname(None), shown] })
                }
                None => shown,
            }
        }
        (schema, value) => return Err(format!("{value:?} is not a value of {schema:?}")),
    })
}

fn definition<'s>(
    resolved: &'s ResolvedSchema<'s>,
    name: &Name,
    namespace: NamespaceRef<'_>,
) -> Result<(Name, &'s Schema), String> {
    let name = name.fully_qualified_name(namespace).into_owned();
    let schema = resolved.get_names().get(&name).ok_or_else(|| format!("`{name}` is not defined"))?;
    Ok((name, schema))
}

/// A number, or the name of one that JSON can't express.
pub(super) fn float(value: f64) -> serde_json::Value {
    if value.is_nan() {
        json!({ "$float": "NaN" })
    } else if value.is_infinite() {
        json!({ "$float": if value > 0.0 { "Infinity" } else { "-Infinity" } })
    } else {
        json!(value)
    }
}

/// Equality that distinguishes -0.0 from 0.0 and 1 from 1.0, and ignores the order of objects.
pub fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (a, b) {
        (Number(a), Number(b)) => a.to_string() == b.to_string(),
        (Array(a), Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Object(a), Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Lowercase hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Decodes hexadecimal digits; `None` for other text.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
