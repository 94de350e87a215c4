//! Valid definitions and their schemas.

mod conversions;
mod defaults;
mod documentation;
mod generics;
mod keys;
mod names;
mod newtypes;
mod recursion;

use std::fmt::Debug;

use events_runtime::{PublicSignal, avro};
use events_schema::compat::matches_text;
use serde_json::Value;

/// The schema of an event. apache-avro must accept it and compute the same canonical form, and a published copy
/// of it must be equal.
fn schema<E: PublicSignal>() -> Value {
    let judge =
        apache_avro::Schema::parse_str(E::SCHEMA_JSON).unwrap_or_else(|e| panic!("{e}: {}", E::SCHEMA_JSON));
    let canonical = apache_avro::Schema::parse_str(E::CANONICAL).unwrap();
    assert_eq!(
        without_logical_types(&judge.canonical_form()),
        without_logical_types(&canonical.canonical_form())
    );
    assert_eq!(matches_text(E::SCHEMA, E::SCHEMA_JSON), Ok(true), "{}", E::SCHEMA_JSON);
    serde_json::from_str(E::SCHEMA_JSON).unwrap()
}

/// apache-avro leaves `{"type":"string"}` where a logical type was.
fn without_logical_types(canonical: &str) -> String {
    canonical.replace(r#"{"type":"string"}"#, r#""string""#)
}

/// An encoded value decodes to the same value.
fn travels<E: PublicSignal + PartialEq + Debug>(event: &E) {
    let datum = avro::to_vec(event).unwrap();
    assert_eq!(&avro::from_slice::<E>(&datum).unwrap(), event);
    let judge = apache_avro::Schema::parse_str(E::SCHEMA_JSON).unwrap();
    let mut rest = datum.as_slice();
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(&judge).build().unwrap();
    reader.read_value(&mut rest).unwrap();
    assert!(rest.is_empty());
}

/// The field of a record.
fn field<'a>(record: &'a Value, name: &str) -> &'a Value {
    let fields = record["fields"].as_array().unwrap_or_else(|| panic!("no record: {record}"));
    fields.iter().find(|field| field["name"] == name).unwrap_or_else(|| panic!("no {name} in {record}"))
}
