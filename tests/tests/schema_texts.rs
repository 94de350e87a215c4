//! Foreign schemas: canonical forms, errors in invalid schemas, and corner cases of schema resolution.

use apache_avro::rabin::Rabin;
use apache_avro::schema::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use events_runtime::avro::fingerprint;
use events_schema::compat::{Side, can_read, canonical_form};

/// From `share/test/data/schema-tests.txt` of Apache Avro.
#[test]
fn fingerprints_are_those_of_avros_own_tests() {
    for (text, expected) in [
        (r#""null""#, 7_195_948_357_588_979_594_i64),
        (r#"{"type":"boolean"}"#, -6_970_731_678_124_411_036),
        (r#""int""#, 8_247_732_601_305_521_295),
        (r#""long""#, -3_434_872_931_120_570_953),
        (r#""float""#, 5_583_340_709_985_441_680),
        (r#""double""#, -8_181_574_048_448_539_266),
        (r#""bytes""#, 5_746_618_253_357_095_269),
        (r#""string""#, -8_142_146_995_180_207_161),
        ("[]", -1_241_056_759_729_112_623),
        (r#"[ "int" ]"#, -5_232_228_896_498_058_493),
        (r#"[ "int" , {"type":"boolean"} ]"#, 5_392_556_393_470_105_090),
        (r#"{"fields":[], "type":"record", "name":"foo"}"#, -4_824_392_279_771_201_922),
        (r#"{"fields":[], "type":"record", "name":"foo", "namespace":"x.y"}"#, 5_916_914_534_497_305_771),
        (
            r#"{"fields":[], "type":"record", "name":"a.b.foo", "namespace":"x.y"}"#,
            -4_616_218_487_480_524_110,
        ),
        (r#"{"type":"fixed", "name":"foo", "size":15}"#, 1_756_455_273_707_447_556),
        (r#"{ "items":{"type":"null"}, "type":"array"}"#, -589_620_603_366_471_059),
        (r#"{ "values":"string", "type":"map"}"#, -8_732_877_298_790_414_990),
    ] {
        let canonical = canonical_form(text).unwrap();
        assert_eq!(fingerprint(&canonical), u64::from_ne_bytes(expected.to_ne_bytes()), "{text}");
    }
}

#[test]
fn canonical_forms_are_those_of_apache_avro() {
    for text in [
        r#"{"type":"record","name":"A","doc":"x","aliases":["B"],"fields":[{"name":"b","doc":"y","default":1,"type":"int","custom":{}}]}"#,
        r#"{"type":"record","name":"org.acme.A","namespace":"ignored","fields":[{"name":"b","type":{"type":"record","name":"B","fields":[{"name":"c","type":["null","A"]}]}}]}"#,
        r#"{"type":"record","name":"A","namespace":"org.acme","fields":[{"name":"b","type":{"type":"enum","name":"B","namespace":"org.other","symbols":["X"]}},{"name":"c","type":"org.other.B"}]}"#,
        r#"{"type":"record","name":"A","namespace":"org.acme","fields":[{"name":"b","type":{"type":"record","name":"x.B","fields":[{"name":"c","type":{"type":"fixed","name":"C","size":4}}]}},{"name":"d","type":"x.C"}]}"#,
        r#"[{"type":"enum","name":"E","symbols":["A","B"],"default":"B"},"null"]"#,
        r#"{"type":"record","name":"Zähler","fields":[{"name":"b","type":"int"}]}"#,
    ] {
        let ours = canonical_form(text);
        let Ok(judge) = Schema::parse_str(text) else {
            // Non-ASCII names are accepted: rare and harmless.
            assert!(!text.is_ascii(), "{text}");
            ours.unwrap();
            continue;
        };
        assert_eq!(ours.as_deref(), Ok(judge.canonical_form().as_str()), "{text}");
        let print = fingerprint(&ours.unwrap()).to_le_bytes().to_vec();
        assert_eq!(judge.fingerprint::<Rabin>().bytes, print, "{text}");
    }
}

/// The specification, Transforming into Parsing Canonical Form: "[STRIP] Keep only attributes that
/// are relevant to parsing data", and "[PRIMITIVES] Convert primitive schemas to their simple form".
#[test]
fn logical_types_and_braces_are_no_part_of_the_canonical_form() {
    for (text, canonical) in [
        (r#"{"type":"long","logicalType":"timestamp-millis"}"#, r#""long""#),
        (r#"{"type":{"type":"string","logicalType":"uuid"},"x":1}"#, r#""string""#),
        (
            r#"{"type":"fixed","name":"D","size":12,"logicalType":"duration"}"#,
            r#"{"name":"D","type":"fixed","size":12}"#,
        ),
        (r#"["null",{"type":"bytes","logicalType":"decimal","precision":4}]"#, r#"["null","bytes"]"#),
        // The record of a protocol; apache-avro does not support protocols.
        (r#"{"type":"error","name":"A","fields":[]}"#, r#"{"name":"A","type":"record","fields":[]}"#),
        // apache-avro keeps the order.
        (
            r#"{"type":"record","name":"A","fields":[{"name":"a","type":"int","order":"ignore"}]}"#,
            r#"{"name":"A","type":"record","fields":[{"name":"a","type":"int"}]}"#,
        ),
    ] {
        assert_eq!(canonical_form(text).as_deref(), Ok(canonical));
    }
}

#[test]
fn invalid_schemas_are_errors_with_their_path() {
    let field = |schema: &str| {
        format!(
            r#"{{"type":"record","name":"A","fields":[{{"name":"customer","type":
            {{"type":"record","name":"B","fields":[{{"name":"zip","type":{schema}}}]}}}}]}}"#
        )
    };
    for (text, message) in [
        ("{", "not JSON: EOF while parsing an object at line 1 column 1"),
        ("", "not JSON: EOF while parsing a value at line 1 column 0"),
        ("1", "1 is not a schema: expected a name, an object or an array"),
        ("null", "null is not a schema: expected a name, an object or an array"),
        (r#""text""#, "`text` is neither a primitive type nor defined earlier in the schema"),
        ("{}", "an object without a `type`"),
        (r#"{"type":1}"#, "an object without a `type`"),
        (r#"{"type":"array"}"#, "a schema of type `array` without `items`"),
        (r#"{"type":"map"}"#, "a schema of type `map` without `values`"),
        (
            r#"{"type":"map","values":{"type":"array","items":"x"}}"#,
            "at `values.items`: `x` is neither a primitive type nor defined earlier in the schema",
        ),
        (r#"{"type":"record","fields":[]}"#, "a schema of type `record` without a `name`"),
        (r#"{"type":"record","name":"A"}"#, "the record `A` has no `fields`"),
        (r#"{"type":"record","name":"string","fields":[]}"#, "`string` is not a valid name of a type"),
        (r#"{"type":"record","name":"","fields":[]}"#, "`` is not a valid name of a type"),
        (
            r#"{"type":"record","name":"A","fields":[{"type":"int"}]}"#,
            "a field of `A` without a `name` or a `type`",
        ),
        (r#"{"type":"record","name":"A","fields":[1]}"#, "a field of `A` without a `name` or a `type`"),
        (
            r#"{"type":"record","name":"x.A","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}"#,
            "`x.A` has two fields `a`",
        ),
        (r#"{"type":"enum","name":"E"}"#, "the enum `E` has no `symbols`"),
        (r#"{"type":"enum","name":"E","symbols":["A",1]}"#, "`symbols` is not a list of names"),
        (r#"{"type":"record","name":"R","aliases":"Old","fields":[]}"#, "`aliases` is not a list of names"),
        (
            r#"{"type":"enum","name":"E","symbols":["A"],"default":"B"}"#,
            "the default \"B\" of `E` is not one of its symbols",
        ),
        (r#"{"type":"enum","name":"E","symbols":["A","A"]}"#, "`E` has two symbols `A`"),
        (r#"{"type":"fixed","name":"F"}"#, "the fixed `F` has no `size`"),
        (r#"{"type":"fixed","name":"F","size":-1}"#, "the fixed `F` has no `size`"),
        (r#"["int",["null"]]"#, "a union directly within a union"),
        (r#"["int","string","int"]"#, "branch 2 of the union has the type of an earlier one"),
        (
            r#"["int",{"type":"int","logicalType":"date"}]"#,
            "branch 1 of the union has the type of an earlier one",
        ),
        (
            r#"[{"type":"array","items":"int"},{"type":"array","items":"string"}]"#,
            "branch 1 of the union has the type of an earlier one",
        ),
        (
            &field(r#""text""#),
            "at `customer.zip`: `text` is neither a primitive type nor defined earlier in the schema",
        ),
        (
            &field(r#"["null","C"]"#),
            "at `customer.zip.[1]`: `C` is neither a primitive type nor defined earlier in the schema",
        ),
        (&field(r#"{"type":"record","name":"A","fields":[]}"#), "at `customer.zip`: `A` is defined twice"),
    ] {
        let fault = canonical_form(text).map_err(|fault| fault.to_string());
        assert_eq!(fault.as_ref().map(String::as_str).map_err(String::as_str), Err(message), "{text}");
    }
}

#[test]
fn a_schema_that_is_too_deep_is_an_error_and_no_overflow() {
    let nested =
        |depth: usize| format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(depth), "}".repeat(depth));
    canonical_form(&nested(99)).unwrap();
    let fault = canonical_form(&nested(100)).unwrap_err().to_string();
    assert!(fault.ends_with("nested more than 100 levels deep"), "{fault}");
    let fault = canonical_form(&nested(100_000)).unwrap_err().to_string();
    assert!(fault.contains("nested too deep, at line 1 column"), "{fault}");
}

/// A record `R` around a schema.
fn record(schema: &str) -> String {
    format!(r#"{{"type":"record","name":"R","namespace":"n","fields":[{{"name":"a","type":{schema}}}]}}"#)
}

fn definition(kind: &str, name: &str, aliases: &str) -> String {
    let rest = match kind {
        "record" => r#""fields":[]"#,
        "enum" => r#""symbols":["A"]"#,
        _ => r#""size":4"#,
    };
    record(&format!(r#"{{"type":"{kind}","name":"{name}","aliases":[{aliases}],{rest}}}"#))
}

fn is_read(reader: &str, writer: &str) -> bool {
    can_read(Side::Text(reader), Side::Text(writer)).unwrap()
}

/// Whether apache-avro agrees.
fn judged(reader: &str, writer: &str) -> bool {
    let (reader, writer) = (Schema::parse_str(reader).unwrap(), Schema::parse_str(writer).unwrap());
    matches!(SchemaCompatibility::can_read(&writer, &reader), Ok(Compatibility::Full))
}

#[test]
fn definitions_are_matched_by_their_last_names_or_by_full_aliases() {
    for kind in ["record", "enum", "fixed"] {
        for (reader, aliases, writer, expected) in [
            ("A", "", "A", true),
            ("A", "", "B", false),
            ("x.A", "", "y.A", true),
            ("A", r#""B""#, "B", true),
            // An alias without a dot is in the name's own namespace.
            ("x.A", r#""B""#, "x.B", true),
            ("x.A", r#""B""#, "y.B", false),
            ("x.A", r#""y.B""#, "y.B", true),
            ("x.A", r#""z.C", "y.B""#, "y.B", true),
            ("x.A", r#""y.B""#, "B", false),
        ] {
            let (reader, writer) = (definition(kind, reader, aliases), definition(kind, writer, ""));
            assert_eq!(is_read(&reader, &writer), expected, "{reader}\n{writer}");
            // A reader ignores the writer's aliases.
            if !aliases.is_empty() {
                assert!(!is_read(&writer, &reader), "{reader}\n{writer}");
            }
        }
    }
}

#[test]
fn schemas_that_hold_themselves_are_compared_once() {
    let tree = |value: &str| {
        record(&format!(
            r#"{{"type":"record","name":"Tree","fields":[{{"name":"left","type":["null","Tree"]}},
            {{"name":"right","type":{{"type":"array","items":"Tree"}}}},{{"name":"value","type":{value}}}]}}"#
        ))
    };
    let (int, long) = (tree("\"int\""), tree("\"long\""));
    for (reader, writer, expected) in [(&int, &int, true), (&long, &int, true), (&int, &long, false)] {
        assert_eq!(is_read(reader, writer), expected);
        assert_eq!(judged(reader, writer), expected);
    }
}

#[test]
fn unions_are_matched_branch_by_branch() {
    for (reader, writer, expected) in [
        (r#"["null","long"]"#, r#""int""#, true),
        (r#"["null","long"]"#, r#"["int","null"]"#, true),
        (r#"["null","int"]"#, r#"["long","null"]"#, false),
        (r#""long""#, r#"["int"]"#, true),
        (r#""long""#, r#"["int","null"]"#, false),
        (r#""null""#, r#"["null"]"#, true),
        (r#"["null"]"#, r#""null""#, true),
        (r#"["null","string"]"#, r#"["null"]"#, true),
        (r#"["null"]"#, r#"["null","string"]"#, false),
        (r#"["double","string"]"#, r#"["int","bytes","float"]"#, true),
        (r#"["null","double"]"#, r#"["int","bytes"]"#, false),
        ("[]", "[]", true),
        ("[]", r#""null""#, false),
        (r#"["null",{"type":"array","items":"long"}]"#, r#"{"type":"array","items":"int"}"#, true),
        (r#"["null",{"type":"array","items":"int"}]"#, r#"{"type":"array","items":"long"}"#, false),
        (r#"["null",{"type":"map","values":"int"}]"#, r#"{"type":"array","items":"int"}"#, false),
    ] {
        let (reader, writer) = (record(reader), record(writer));
        assert_eq!(is_read(&reader, &writer), expected, "{reader}\n{writer}");
        assert_eq!(judged(&reader, &writer), expected, "{reader}\n{writer}");
    }
}

#[test]
fn more_definitions_than_an_event_may_have_are_read_as_others_are() {
    let many = |leaf: &str| {
        let fields: Vec<_> = (0..600)
            .map(|index| format!(
                r#"{{"name":"f{index}","type":{{"type":"record","name":"R{index}","fields":[{{"name":"a","type":"{leaf}"}}]}}}}"#
            ))
            .collect();
        format!(r#"{{"type":"record","name":"Many","fields":[{}]}}"#, fields.join(","))
    };
    let (int, long) = (many("int"), many("long"));
    assert!(is_read(&int, &int) && is_read(&long, &int) && !is_read(&int, &long));
}
