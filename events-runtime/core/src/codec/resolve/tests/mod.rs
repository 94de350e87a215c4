//! The rules of schema resolution, one by one; apache-avro judges them in `tests/tests/resolve.rs`.

mod hostile;
mod marks;
mod numbers;
mod other;
mod published;
mod records;
mod unions;

use std::fmt::Debug;

use super::Strategy;
use crate::EventData;
use crate::avro::{DecodeError, DecodeErrorKind, WriterSchema, from_slice_resolved};

fn writer(schema: &str) -> WriterSchema {
    WriterSchema::parse(schema).unwrap()
}

/// What these bytes of a writer are here.
fn read<T: EventData>(schema: &str, bytes: &[u8]) -> Result<T, DecodeError> {
    from_slice_resolved(&writer(schema), bytes)
}

fn strategy<T: EventData>(schema: &str) -> Strategy {
    writer(schema).plan(T::SCHEMA).strategy
}

/// The message of bytes that can't be read here.
#[track_caller]
fn refused<T: EventData + Debug>(schema: &str, bytes: &[u8]) -> String {
    read::<T>(schema, bytes).unwrap_err().to_string()
}

/// Why no data of a writer can be read here, with the path.
#[track_caller]
fn unresolvable<T: EventData + Debug>(schema: &str) -> String {
    let error = read::<T>(schema, &[]).unwrap_err();
    let DecodeErrorKind::Unresolvable(reason) = error.kind() else { panic!("{error}") };
    format!("{}: {reason}", error.path())
}

/// A record of this name with these fields: `int a, ["null","string"] b`.
fn record(name: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<_> =
        fields.iter().map(|(name, schema)| format!(r#"{{"name":"{name}","type":{schema}}}"#)).collect();
    format!(r#"{{"type":"record","name":"{name}","fields":[{}]}}"#, fields.join(","))
}

const INT: &str = "\"int\"";
const LONG: &str = "\"long\"";
const STRING: &str = "\"string\"";
