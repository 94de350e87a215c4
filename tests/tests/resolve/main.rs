//! Data of other writers, compared with apache-avro's resolving reader.

mod earlier;
mod pairs;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use events_tests::sample_types::terms::{same, terms};

/// The value that apache-avro reads by a reader's schema, in JSON form.
fn judged(writer: &Schema, reader: &Schema, mut datum: &[u8]) -> Result<serde_json::Value, String> {
    let resolving = GenericDatumReader::builder(writer).reader_schema(reader).build();
    let value = resolving.map_err(|error| error.to_string())?.read_value(&mut datum);
    let value = value.map_err(|error| error.to_string())?;
    terms(reader, &written(reader, value)?)
}

fn written(schema: &Schema, value: Value) -> Result<Vec<u8>, String> {
    let writer = GenericDatumWriter::builder(schema).build().map_err(|error| error.to_string())?;
    writer.write_value_to_vec(value).map_err(|error| error.to_string())
}

/// Whether our value, encoded again, equals apache-avro's.
fn agrees(reader: &Schema, ours: &[u8], theirs: &serde_json::Value) -> Result<(), String> {
    let ours = terms(reader, ours)?;
    if same(&ours, theirs) { Ok(()) } else { Err(format!("read as {ours}, apache-avro reads {theirs}")) }
}
