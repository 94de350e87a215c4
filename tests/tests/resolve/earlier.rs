//! Generated earlier versions of every specimen: fields reordered, added and removed; branches reordered;
//! bytes in place of strings.

use std::collections::HashMap;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::Schema;
use apache_avro::types::Value;
use events_runtime::avro::{DecodeErrorKind, WriterSchema};
use events_tests::sample_types::terms::physical;
use events_tests::sample_types::{Specimen, specimens};
use serde_json::{Value as Json, json};

use super::{agrees, judged, written};

/// The number of values compared for each version. Few and short ones: apache-avro is slow on deep values.
const SAMPLES: usize = 8;

/// Types that apache-avro resolves differently from the specification. Their values are compared with the
/// original ones instead.
const DIFFER: [&str; 5] = [
    // It takes the first branch that a record's fields fit into; a branch without fields fits all.
    // The specification, Schema Resolution: "both schemas are records with the same (unqualified)
    // name"; "the first schema in the reader's union that matches the writer's schema".
    "org.samples.enums.unions.v1",
    "org.samples.named.generics.v1",
    "org.samples.recursive.unions.v1",
    // The same; and it takes the UTF-8 of a default of `bytes`. The specification, Complex Types:
    // "default values for bytes and fixed fields are JSON strings, where Unicode code points 0-255
    // are mapped to unsigned 8-bit byte values 0-255".
    "org.samples.named.defaults.v1",
    // A hash set has no order.
    "org.samples.collections.sets.v1",
];

/// The changes of a version.
#[allow(clippy::struct_excessive_bools, reason = "each is a change that is made or not")]
#[derive(Debug, Clone, Copy)]
struct Change {
    turned: bool,
    gone: bool,
    /// Whether fields with a default were missing.
    fewer: bool,
    bytes: bool,
    branches: bool,
}

impl Change {
    fn of(bits: u8) -> Self {
        let on = |bit: u8| bits & (1 << bit) != 0;
        Self { turned: on(0), gone: on(1), fewer: on(2), bytes: on(3), branches: on(4) }
    }
}

/// The records of a version by their names.
type Records = HashMap<String, Json>;

fn change(schema: &mut Json, how: Change, records: &mut Records) {
    match schema {
        Json::String(name) if how.bytes && name == "string" => "bytes".clone_into(name),
        Json::Array(branches) => {
            for branch in branches.iter_mut() {
                change(branch, how, records);
            }
            // A definition precedes its references.
            if how.branches {
                branches.reverse();
            }
        }
        Json::Object(object) => {
            object.remove("logicalType");
            for inner in ["items", "values"] {
                if let Some(inner) = object.get_mut(inner) {
                    change(inner, how, records);
                }
            }
            if how.bytes && object["type"] == "string" {
                object.insert("type".to_owned(), json!("bytes"));
            }
            if let Some(fields) = object.get_mut("fields").and_then(Json::as_array_mut) {
                for field in fields.iter_mut() {
                    change(&mut field["type"], how, records);
                }
                // A field that defines a type may be needed by another field.
                let plain = |field: &Json| !field["type"].to_string().contains("\"name\"");
                fields.retain(|field| !(how.fewer && field.get("default").is_some() && plain(field)));
                if how.turned && fields.iter().all(plain) {
                    fields.reverse();
                }
                // The default would have to change with the type.
                fields.iter_mut().filter_map(Json::as_object_mut).for_each(|field| {
                    field.remove("default");
                });
                if how.gone {
                    let at = fields.len() / 2;
                    fields.insert(at, json!({"name": "gone", "type": {"type": "array", "items": "long"}}));
                }
                let record = Json::Object(object.clone());
                records.insert(object["name"].as_str().unwrap_or_default().to_owned(), record);
            }
        }
        _ => {}
    }
}

/// The value as in the version.
fn earlier(value: Value, schema: &Json, how: Change, records: &Records) -> Value {
    let schema = match schema.as_str() {
        Some(name) => records.get(name.rsplit('.').next().unwrap_or(name)).unwrap_or(schema),
        None => schema,
    };
    match value {
        Value::Record(fields) => {
            let mut fields: HashMap<_, _> = fields.into_iter().collect();
            let now = schema["fields"].as_array().into_iter().flatten().map(|field| {
                let name = field["name"].as_str().unwrap_or_default().to_owned();
                let gone = Value::Array(vec![Value::Long(1), Value::Long(300)]);
                let value = fields.remove(&name).unwrap_or(gone);
                (name, earlier(value, &field["type"], how, records))
            });
            Value::Record(now.collect())
        }
        Value::Array(items) => Value::Array(
            items.into_iter().map(|item| earlier(item, &schema["items"], how, records)).collect(),
        ),
        Value::Map(entries) => {
            let entry = |(key, value)| (key, earlier(value, &schema["values"], how, records));
            Value::Map(entries.into_iter().map(entry).collect())
        }
        Value::Union(branch, value) => {
            let count = u32::try_from(schema.as_array().map_or(0, Vec::len)).unwrap();
            let branch = if how.branches { count - 1 - branch } else { branch };
            let value = earlier(*value, &schema[branch as usize], how, records);
            Value::Union(branch, Box::new(value))
        }
        Value::String(text) if how.bytes => Value::Bytes(text.into_bytes()),
        other => other,
    }
}

fn is_refusal(kind: &DecodeErrorKind) -> bool {
    matches!(kind, DecodeErrorKind::Unresolvable(_) | DecodeErrorKind::Invalid(_))
}

/// The number of compared values.
fn compared(specimen: &Specimen, how: Change) -> Result<usize, String> {
    let reader = physical(specimen.schema_json)?;
    let mut json: Json = serde_json::from_str(specimen.schema_json).unwrap();
    let mut records = Records::new();
    change(&mut json, how, &mut records);
    let text = json.to_string();
    // Not every change gives a valid schema: a reference may precede its definition.
    let Ok(writer) = Schema::parse_str(&text) else {
        WriterSchema::parse(&text).err().ok_or(format!("apache-avro refuses {text}"))?;
        return Ok(0);
    };
    let ours = WriterSchema::parse(&text).map_err(|error| format!("{text}: {error}"))?;
    let mut compared = 0;
    let short = specimen.samples().into_iter().filter(|sample| sample.datum.len() < 200);
    for sample in short.take(SAMPLES) {
        let plain = GenericDatumReader::builder(&reader).build().map_err(|error| error.to_string())?;
        let value = plain.read_value(&mut sample.datum.as_slice()).map_err(|error| error.to_string())?;
        let datum = written(&writer, earlier(value, &json, how, &records))?;
        match (specimen.resolved(&ours, &datum), judged(&writer, &reader, &datum)) {
            (Ok(ours), theirs) if DIFFER.contains(&specimen.name) || !how.fewer => {
                compared += 1;
                // Nothing was lost, so it is the original value.
                if !how.fewer {
                    sample.is(&ours).map_err(|fault| format!("{text}: {fault}"))?;
                }
                if !DIFFER.contains(&specimen.name) {
                    agrees(&reader, &ours, &theirs?)
                        .map_err(|fault| format!("{text}\n{sample:?}\n{fault}"))?;
                }
            }
            (Ok(ours), Ok(theirs)) => {
                compared += 1;
                agrees(&reader, &ours, &theirs).map_err(|fault| format!("{text}\n{sample:?}\n{fault}"))?;
            }
            (Err(error), Err(_)) if is_refusal(error.kind()) => {}
            (ours, theirs) => {
                return Err(format!("{text}\n{sample:?}\nours: {ours:?}\napache-avro: {theirs:?}"));
            }
        }
    }
    Ok(compared)
}

/// Invalid bytes under the plans of a version: no panic, and no error position beyond the input.
fn damaged(specimen: &Specimen, how: Change) {
    let mut json: Json = serde_json::from_str(specimen.schema_json).unwrap();
    change(&mut json, how, &mut Records::new());
    let Ok(writer) = WriterSchema::parse(&json.to_string()) else { return };
    for sample in specimen.samples().iter().filter(|sample| sample.datum.len() < 200) {
        for at in 0..sample.datum.len() {
            for byte in [0, 1, 2, 0x7f, 0xff] {
                let mut bytes = sample.datum.clone();
                bytes[at] = byte;
                for bytes in [&bytes[..], &bytes[..at]] {
                    if let Err(error) = specimen.resolved(&writer, bytes) {
                        assert!(error.offset() <= bytes.len(), "{}: {error}", specimen.name);
                    }
                }
            }
        }
    }
}

#[test]
fn damaged_bytes_are_errors_within_them() {
    for specimen in specimens() {
        for bits in [1, 3, 16, 31_u8] {
            damaged(&specimen, Change::of(bits));
        }
    }
}

#[test]
fn every_specimen_is_read_from_generated_versions_as_by_apache_avro() {
    // apache-avro needs a large stack for the deepest values.
    let test = || {
        let mut total = 0;
        let mut faults = Vec::new();
        for specimen in specimens() {
            for bits in [1, 2, 4, 8, 16, 31_u8] {
                let how = Change::of(bits);
                match compared(&specimen, how) {
                    Ok(compared) => total += compared,
                    Err(fault) => faults.push(format!("{} {how:?}: {fault}", specimen.name)),
                }
            }
        }
        println!("{total} values compared");
        assert!(faults.is_empty(), "{}", faults.join("\n\n"));
        assert!(total > 1_000, "{total}");
    };
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(test).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}
