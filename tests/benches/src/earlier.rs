//! Data of an earlier version of a payload's definition: one field was an `int` and is a `long` now; in its
//! record, two fields were reordered and one was removed; another field did not exist yet.

use std::collections::HashMap;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use events_runtime::avro::WriterSchema;
use serde_json::json;

use crate::payloads::Payload;
use crate::peers::Error;

/// A schema and a datum of it.
#[derive(Debug)]
pub struct Earlier {
    /// The schema as we read it.
    pub schema: WriterSchema,
    /// The schema as apache-avro reads it.
    pub peer: apache_avro::Schema,
    /// The sample, as the earlier version wrote it.
    pub datum: Vec<u8>,
}

impl Earlier {
    /// The earlier version of a payload, with the sample.
    ///
    /// # Errors
    /// If apache-avro can't write it.
    pub fn of<T: Payload>() -> Result<Self, Error> {
        let mut json: serde_json::Value = serde_json::from_str(T::SCHEMA_JSON)?;
        let mut records = HashMap::new();
        change::<T>(&mut json, &mut records);
        let now = apache_avro::Schema::parse_str(T::SCHEMA_JSON)?;
        let datum = events_runtime::avro::to_vec(&T::sample())?;
        let value = GenericDatumReader::builder(&now).build()?.read_value(&mut datum.as_slice())?;
        let text = json.to_string();
        let peer = apache_avro::Schema::parse_str(&text)?;
        let value = written(value, &json, &records);
        let datum = GenericDatumWriter::builder(&peer).build()?.write_value_to_vec(value)?;
        Ok(Self { schema: WriterSchema::parse(&text)?, peer, datum })
    }
}

type Records = HashMap<String, serde_json::Value>;

/// Turns a schema into that of the earlier version, and collects its records.
fn change<T: Payload>(schema: &mut serde_json::Value, records: &mut Records) {
    match schema {
        serde_json::Value::Array(branches) => {
            for branch in branches {
                change::<T>(branch, records);
            }
        }
        serde_json::Value::Object(object) => {
            for inner in ["items", "values"] {
                if let Some(inner) = object.get_mut(inner) {
                    change::<T>(inner, records);
                }
            }
            if let Some(fields) = object.get_mut("fields").and_then(serde_json::Value::as_array_mut) {
                let mut widened = false;
                for field in fields.iter_mut() {
                    if field["name"] == T::WIDENED {
                        widened = true;
                        field["type"] = json!("int");
                    }
                    if let Some(schema) = field.get_mut("type") {
                        change::<T>(schema, records);
                    }
                }
                fields.retain(|field| field["name"] != T::ADDED);
                if widened {
                    fields.swap(0, 1);
                    fields.insert(2, json!({"name": "gone", "type": "string"}));
                }
                if let Some(name) = object.get("name").and_then(serde_json::Value::as_str) {
                    records.insert(name.to_owned(), serde_json::Value::Object(object.clone()));
                }
            }
        }
        _ => {}
    }
}

/// A value as in the earlier version.
fn written(value: Value, schema: &serde_json::Value, records: &Records) -> Value {
    let schema = match schema.as_str().and_then(|name| records.get(name)) {
        Some(record) => record,
        None => schema,
    };
    match value {
        Value::Record(fields) => {
            let mut fields: HashMap<_, _> = fields.into_iter().collect();
            let now = schema["fields"].as_array().into_iter().flatten().map(|field| {
                let name = field["name"].as_str().unwrap_or_default().to_owned();
                let value = fields.remove(&name).unwrap_or_else(|| Value::String("of no use".to_owned()));
                (name, written(value, &field["type"], records))
            });
            Value::Record(now.collect())
        }
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| written(item, &schema["items"], records)).collect())
        }
        Value::Union(branch, value) => {
            let schema = schema.get(branch as usize).unwrap_or(schema);
            Value::Union(branch, Box::new(written(*value, schema, records)))
        }
        Value::Long(value) if schema == "int" => Value::Int(i32::try_from(value).unwrap_or_default()),
        other => other,
    }
}
