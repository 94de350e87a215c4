//! Versions that are compiled into a definition.

use super::*;
use crate::PublicSignal;
use crate::avro::{Published, from_single_object};
use events_schema::parse;

const CANONICAL: &str = concat!(
    r#"{"name":"org.resolve.things.counted.v1.Counted","type":"record","#,
    r#""fields":[{"name":"count","type":"int"}]}"#,
);

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(
    event_type = "org.resolve.things.counted.v1",
    schemas = "./schemas",
    compatibility = "backward"
)]
struct Counted {
    of: Option<String>,
    count: i64,
}

static FIRST: &Published = &Counted::PUBLISHED[0];

#[test]
fn a_published_version_is_the_text_that_it_was_made_of() {
    let parsed = parse::pack(CANONICAL).unwrap();
    assert_eq!((parsed.bytes.as_slice(), parsed.canonical.as_str()), (FIRST.packed, CANONICAL));
    let published = WriterSchema::of(FIRST);
    assert_eq!(published, writer(CANONICAL));
    assert_eq!(published.canonical_form(), CANONICAL);
    assert_eq!(published.fingerprint(), FIRST.fingerprint);
}

#[test]
fn the_canonical_form_of_a_packed_schema_is_that_of_its_text() {
    let text = r#"{"type":"record","name":"a.R","doc":"x","fields":[
        {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"],"default":"A"},"default":"B"},
        {"name":"f","type":{"type":"fixed","name":"b.F","size":12,"logicalType":"duration"}},
        {"name":"again","type":["null","E","b.F",{"type":"array","items":"R"}],"default":null},
        {"name":"m","type":{"type":"map","values":{"type":"int","logicalType":"date"}}},
        {"name":"p","type":{"type":"record","name":"P","namespace":"","fields":[{"name":"x","type":"bytes"}]}},
        {"name":"q","type":["boolean","float","double","long","string"]}]}"#;
    let parsed = parse::pack(text).unwrap();
    assert_eq!(events_schema::canonical_form_of_packed(&parsed.bytes), parsed.canonical);
}

#[test]
fn a_single_object_of_a_published_version_is_read() {
    let object = |fingerprint: u64| [&[0xc3, 1][..], &fingerprint.to_le_bytes(), &[8]].concat();
    assert_eq!(from_single_object(&object(FIRST.fingerprint)), Ok(Counted { of: None, count: 4 }));
    let error = from_single_object::<Counted>(&object(7)).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::OtherSchema { found: 7, .. }), "{error}");
}
