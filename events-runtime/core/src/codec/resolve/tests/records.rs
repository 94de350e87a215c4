//! Fields by their names, defaults, and types within themselves.

use std::collections::BTreeMap;

use super::*;
use crate::avro::{Schema, to_vec};

#[derive(Debug, Clone, PartialEq, EventData)]
struct Point {
    #[event(alias = "east")]
    x: i32,
    y: i64,
}

#[test]
fn fields_are_found_by_name_and_alias() {
    let schema = record("Point", &[("x", INT), ("y", LONG)]);
    assert_eq!(strategy::<Point>(&schema), Strategy::Same);
    assert_eq!(read(&schema, &[2, 4]), Ok(Point { x: 1, y: 2 }));
    let schema = record("Point", &[("east", INT), ("y", INT)]);
    assert_eq!(read(&schema, &[2, 4]), Ok(Point { x: 1, y: 2 }));
    // The name comes before the alias.
    let schema = record("Point", &[("east", INT), ("x", INT), ("y", INT)]);
    assert_eq!(read(&schema, &[8, 2, 4]), Ok(Point { x: 1, y: 2 }));
}

#[test]
fn fields_take_the_order_of_the_reader() {
    let schema = record("Point", &[("y", INT), ("label", STRING), ("x", INT)]);
    assert_eq!(read(&schema, b"\x04\x06abc\x02"), Ok(Point { x: 1, y: 2 }));
    let points = format!(r#"{{"type":"array","items":{schema}}}"#);
    let bytes = b"\x04\x04\x06abc\x02\x08\x00\x06\x00";
    assert_eq!(read(&points, bytes), Ok(vec![Point { x: 1, y: 2 }, Point { x: 3, y: 4 }]));
}

#[test]
fn fields_that_are_unknown_here_are_passed() {
    let long_text = [&to_vec(&200_i64).unwrap()[..], &[b'a'; 200]].concat();
    let schema = record("Point", &[("x", INT), ("label", STRING), ("y", LONG)]);
    assert_eq!(read(&schema, &[&[2][..], &long_text, &[4]].concat()), Ok(Point { x: 1, y: 2 }));
    let schema = record("Point", &[("x", INT), ("y", LONG), ("label", STRING), ("more", "\"null\"")]);
    assert_eq!(strategy::<Point>(&schema), Strategy::Prefix(2));
    assert_eq!(read(&schema, &[&[2, 4][..], &long_text].concat()), Ok(Point { x: 1, y: 2 }));
    assert_eq!(
        refused::<Point>(&schema, &[2, 4, 6, 7]),
        "field `label`: unexpected end of input: 2 more bytes needed (at byte 3)"
    );
    assert_eq!(refused::<Point>(&schema, &[2, 4, 0, 9]), "1 byte after the end of the datum (at byte 3)");
}

#[derive(Debug, Clone, PartialEq, EventData)]
struct Defaults {
    always: bool,
    #[event(default = true)]
    flag: bool,
    #[event(default = -7)]
    int: i32,
    #[event(default = 3_000_000_000)]
    long: i64,
    #[event(default = 1.5)]
    float: f32,
    #[event(default = 2)]
    double: f64,
    #[event(default = "é")]
    text: String,
    #[event(default = "a\u{ff}")]
    bytes: Vec<u8>,
    option: Option<String>,
    #[event(default = [])]
    none: Vec<i32>,
    #[event(default = [1, 2])]
    items: Vec<i32>,
    #[event(default = { "k": "v" })]
    map: BTreeMap<String, String>,
    #[event(default = { "y": 9, "x": 8 })]
    point: Point,
}

#[test]
fn what_the_writer_lacks_is_the_default() {
    let value = Defaults {
        always: true,
        flag: true,
        int: -7,
        long: 3_000_000_000,
        float: 1.5,
        double: 2.0,
        text: "é".to_owned(),
        bytes: vec![b'a', 0xff],
        option: None,
        none: Vec::new(),
        items: vec![1, 2],
        map: [("k".to_owned(), "v".to_owned())].into(),
        point: Point { x: 8, y: 9 },
    };
    let schema = record("Defaults", &[("always", "\"boolean\"")]);
    assert_eq!(read(&schema, &[1]).as_ref(), Ok(&value));
    let schema = record("Defaults", &[("int", INT), ("old", STRING), ("always", "\"boolean\"")]);
    assert_eq!(read(&schema, &[6, 2, b'o', 1]), Ok(Defaults { int: 3, ..value }));
}

#[test]
fn a_missing_field_without_a_default_is_named() {
    assert_eq!(
        unresolvable::<Point>(&record("Point", &[("x", INT)])),
        "y: the writer has no such field, and the reader has no default for it"
    );
    assert_eq!(
        unresolvable::<Point>(&record("Point", &[("x", STRING), ("y", LONG)])),
        "x: the writer's `string` can't be read as `int`"
    );
    assert_eq!(
        unresolvable::<Point>(&record("Spot", &[("x", INT), ("y", LONG)])),
        ": the writer's record is `Spot`, the reader's is `Point`: give `Point` the alias `Spot`"
    );
}

#[test]
fn items_that_can_t_be_read_are_an_error_where_there_are_some() {
    let points = format!(r#"{{"type":"array","items":{}}}"#, record("Point", &[("x", INT)]));
    assert_eq!(read::<Vec<Point>>(&points, &[0]), Ok(Vec::new()));
    assert_eq!(
        refused::<Vec<Point>>(&points, &[2, 2, 0]),
        "field `[0].y`: data of another schema can't be read: the writer has no such field, and the reader has no default for it (at byte 1)"
    );
}

#[derive(Debug, PartialEq, EventData)]
#[event(alias = "Twig")]
struct Tree {
    name: String,
    #[event(default = 1)]
    size: i32,
    children: Vec<Tree>,
}

#[test]
fn types_within_themselves_are_read_level_by_level() {
    let schema = r#"{"type":"record","name":"Tree","fields":[
        {"name":"children","type":{"type":"array","items":"Tree"}},
        {"name":"name","type":"string"}]}"#;
    let leaf = |name: &str| Tree { name: name.to_owned(), size: 1, children: Vec::new() };
    // A leaf is its empty children and its name.
    let bytes = b"\x04\x00\x02a\x02\x00\x02b\x00\x02c\x00\x02d";
    let tree = Tree {
        name: "d".to_owned(),
        size: 1,
        children: vec![leaf("a"), Tree { name: "c".to_owned(), size: 1, children: vec![leaf("b")] }],
    };
    assert_eq!(read(schema, bytes), Ok(tree));
    // The same by an alias of the type.
    assert!(read::<Tree>(&schema.replace("Tree", "Twig"), bytes).is_ok());
    let error = read::<Tree>(schema, b"\x02\x02\x00\x02a\x00\x05").unwrap_err();
    assert_eq!(error.path(), "children[0].name");
}

#[test]
fn blocks_with_a_length_are_read_as_those_without() {
    let points = format!(r#"{{"type":"array","items":{}}}"#, record("Point", &[("y", LONG), ("x", INT)]));
    // `-2`, four bytes; then one more.
    let bytes = [3, 8, 4, 2, 8, 6, 2, 12, 10, 0];
    let expected = [(1, 2), (3, 4), (5, 6)].map(|(x, y)| Point { x, y });
    assert_eq!(read(&points, &bytes), Ok(expected.to_vec()));
    let doubles = r#"{"type":"map","values":"int"}"#;
    let map: BTreeMap<String, f64> = [("a".to_owned(), 1.0), ("b".to_owned(), 2.0)].into();
    assert_eq!(read(doubles, b"\x03\x0c\x02a\x02\x02b\x04\x00"), Ok(map));
}

#[test]
fn paths_and_offsets_are_of_the_reader_and_of_the_input() {
    let points = format!(
        r#"{{"type":"map","values":{}}}"#,
        record("Point", &[("old", STRING), ("y", LONG), ("x", LONG)]).replace(
            "\"long\"},{\"name\":\"x\",\"type\":\"long\"",
            "\"long\"},{\"name\":\"x\",\"type\":\"int\""
        )
    );
    // An `int` of 33 bits, behind a text that is left out: only the decoder finds it.
    let bytes = b"\x02\x02k\x06abc\x04\xff\xff\xff\xff\x1f\x00";
    let error = read::<BTreeMap<String, Point>>(&points, bytes).unwrap_err();
    assert_eq!((error.path().as_str(), error.offset()), ("[\"k\"].x", 13), "{error}");
    let cut = &bytes[..9];
    let error = read::<BTreeMap<String, Point>>(&points, cut).unwrap_err();
    assert_eq!((error.path().as_str(), error.offset()), ("[\"k\"].x", 8), "{error}");
}

#[test]
fn plans_are_made_once_for_each_reader() {
    let schema = writer(&record("Point", &[("y", LONG), ("x", INT)]));
    let first: *const _ = schema.plan(Point::SCHEMA);
    let other: *const _ = schema.plan(<Vec<Point>>::SCHEMA);
    assert!(std::ptr::eq(first, schema.clone().plan(Point::SCHEMA)));
    assert!(!std::ptr::eq(first, other));
    assert!(matches!(Point::SCHEMA, Schema::Record(_)));
}
