//! Pairs of writer and reader, written by hand for each rule.

use std::collections::BTreeMap;

use apache_avro::schema::Schema;
use events_runtime::EventData;
use events_runtime::PublicSignal;
use events_runtime::avro::{self, WriterSchema};
use events_tests::sample_types::terms::physical;

use super::{agrees, judged};

#[derive(Debug, PartialEq, PublicSignal)]
#[public_signal(event_type = "org.resolve.everything.read.v1")]
struct Everything {
    long: i64,
    float: f32,
    double: f64,
    #[event(alias = "former_text")]
    text: String,
    bytes: Vec<u8>,
    option: Option<i64>,
    #[event(default = "web")]
    channel: String,
    #[event(default = [1, 2])]
    numbers: Vec<i64>,
    #[event(default = {})]
    inner: BTreeMap<String, Inner>,
    colour: Colour,
    #[event(default = { "deep": { "much": 3 } })]
    outer: Outer,
    shape: Option<Shape>,
}

#[derive(Debug, PartialEq, EventData)]
struct Inner {
    #[event(default = 7)]
    seven: i32,
    name: Option<String>,
}

#[derive(Debug, PartialEq, EventData)]
struct Outer {
    deep: Deep,
}

#[derive(Debug, PartialEq, EventData)]
struct Deep {
    much: i64,
    #[event(default = true)]
    flag: bool,
}

#[derive(Debug, PartialEq, EventData)]
enum Colour {
    #[event(rename = "RED")]
    Red,
    #[event(rename = "GREEN")]
    Green,
    #[event(rename = "OTHER", default)]
    Other,
}

#[derive(Debug, PartialEq, EventData)]
enum Shape {
    Circle { radius: f64 },
    Square { side: i64 },
}

const COLOUR: &str = r#"{"type":"enum","name":"Colour","symbols":["BLUE","GREEN","RED"]}"#;

/// The writer's fields, as name, schema and datum; missing fields of [`Everything`] without a default are
/// added.
type Fields = &'static [(&'static str, &'static str, &'static [u8])];

const REQUIRED: [(&str, &str, &[u8]); 6] = [
    ("long", "\"long\"", &[5]),
    ("float", "\"float\"", &[0, 0, 0xc0, 0x3f]),
    ("double", "\"double\"", &[0, 0, 0, 0, 0, 0, 0xf8, 0x3f]),
    ("text", "\"string\"", b"\x04hi"),
    ("bytes", "\"bytes\"", b"\x02\x7f"),
    ("colour", COLOUR, &[4]),
];

/// Each item is a rule of the specification, named by its first field.
const RULES: &[Fields] = &[
    &[],
    &[("long", "\"int\"", &[5])],
    &[("float", "\"int\"", &[5])],
    &[("float", "\"long\"", &[0xfe, 0xff, 0xff, 0xff, 0x0f])],
    &[("double", "\"int\"", &[5])],
    &[("double", "\"long\"", &[0xfe, 0xff, 0xff, 0xff, 0xff, 0x0f])],
    &[("double", "\"float\"", &[0, 0, 0xc0, 0x3f])],
    &[("text", "\"bytes\"", b"\x06hey")],
    &[("bytes", "\"string\"", b"\x06hey")],
    &[("gone", "\"string\"", b"\x06hey")],
    &[(
        "gone",
        r#"{"type":"array","items":{"type":"map","values":"int"}}"#,
        b"\x02\x01\x06\x02k\x05\x00\x00",
    )],
    &[("gone", r#"{"type":"fixed","name":"F","size":3}"#, b"abc")],
    &[("option", "\"long\"", &[9])],
    &[("option", "\"int\"", &[9])],
    &[("option", "\"null\"", &[])],
    &[("option", r#"["int","null"]"#, &[0, 9])],
    &[("option", r#"["int","null"]"#, &[2])],
    &[("option", r#"["null","int"]"#, &[2, 9])],
    &[("long", r#"["null","int"]"#, &[2, 9])],
    &[("long", r#"["string","long"]"#, &[2, 9])],
    &[("text", r#"["null","string"]"#, b"\x02\x02a")],
    &[("colour", COLOUR, &[0])],
    &[("colour", COLOUR, &[2])],
    &[("colour", r#"["null",{"type":"enum","name":"Colour","symbols":["BLUE","GREEN"]}]"#, &[2, 2])],
    &[("channel", "\"bytes\"", b"\x02a")],
    &[("numbers", r#"{"type":"array","items":"int"}"#, &[4, 2, 4, 1, 2, 6, 0])],
    &[(
        "inner",
        r#"{"type":"map","values":{"type":"record","name":"Inner","fields":[{"name":"x","type":"long"}]}}"#,
        b"\x02\x02k\x02\x01\x04\x02l\x04\x00",
    )],
    &[(
        "inner",
        r#"{"type":"map","values":{"type":"record","name":"Inner","fields":[{"name":"name","type":"string"},{"name":"seven","type":"int"}]}}"#,
        b"\x02\x02k\x02a\x10\x00",
    )],
    &[(
        "outer",
        r#"{"type":"record","name":"Outer","fields":[{"name":"deep","type":{"type":"record","name":"Deep","fields":[{"name":"flag","type":"boolean"},{"name":"much","type":"int"}]}}]}"#,
        &[0, 6],
    )],
    &[("shape", r#"{"type":"record","name":"ShapeSquare","fields":[{"name":"side","type":"int"}]}"#, &[6])],
    &[(
        "shape",
        r#"[{"type":"record","name":"ShapeSquare","fields":[{"name":"side","type":"int"}]},"null",{"type":"record","name":"ShapeCircle","fields":[{"name":"radius","type":"float"}]}]"#,
        &[4, 0, 0, 0xc0, 0x3f],
    )],
    // Errors on both sides.
    &[("long", "\"string\"", b"\x02a")],
    &[("long", "\"double\"", &[0; 8])],
    &[("long", r#"["null","long"]"#, &[0])],
    &[("text", "\"int\"", &[2])],
    &[("numbers", r#"{"type":"array","items":"string"}"#, b"\x02\x02a\x00")],
];

fn pair(rule: Fields) -> (String, Vec<u8>) {
    let missing = REQUIRED.iter().filter(|(name, ..)| !rule.iter().any(|(own, ..)| own == name));
    let fields: Vec<_> = rule.iter().chain(missing).collect();
    let schemas: Vec<_> =
        fields.iter().map(|(name, schema, _)| format!(r#"{{"name":"{name}","type":{schema}}}"#)).collect();
    // The root of an event has the event type as its namespace, which nested types inherit.
    let schema = format!(
        r#"{{"type":"record","name":"Everything","namespace":"{}","fields":[{}]}}"#,
        Everything::EVENT_TYPE,
        schemas.join(",")
    );
    (schema, fields.iter().flat_map(|(.., datum)| datum.iter().copied()).collect())
}

#[test]
fn every_rule_is_the_one_of_apache_avro() {
    let reader = physical(Everything::SCHEMA_JSON).unwrap();
    let mut read = 0;
    for rule in RULES {
        let (text, datum) = pair(rule);
        let writer = Schema::parse_str(&text).unwrap();
        let ours = avro::from_slice_resolved::<Everything>(&WriterSchema::parse(&text).unwrap(), &datum);
        match (ours, judged(&writer, &reader, &datum)) {
            (Ok(ours), Ok(theirs)) => {
                read += 1;
                let again = avro::to_vec(&ours).unwrap();
                agrees(&reader, &again, &theirs).unwrap_or_else(|fault| panic!("{text}: {fault}"));
            }
            (Err(_), Err(_)) => {}
            (ours, theirs) => panic!("{text}: {ours:?}, apache-avro: {theirs:?}"),
        }
    }
    assert_eq!(read, RULES.len() - 5);
}

#[test]
fn a_field_is_found_by_its_alias() {
    // apache-avro has no aliases of fields: a field found by its alias here has that name there.
    let rename = |text: &str| text.replace("\"name\":\"text\"", "\"name\":\"former_text\"");
    let (text, datum) = pair(&[]);
    let renamed = WriterSchema::parse(&rename(&text)).unwrap();
    let expected = avro::from_slice_resolved::<Everything>(&WriterSchema::parse(&text).unwrap(), &datum);
    assert_eq!(avro::from_slice_resolved::<Everything>(&renamed, &datum), expected);
    assert_eq!(expected.unwrap().text, "hi");
}
