use super::*;

fn faults(text: &str) -> Vec<String> {
    let mut report = Report::default();
    assert!(read(text, &mut report).is_none(), "{text}");
    report.lines("x.avsc").iter().map(|line| line.replace("error: x.avsc: ", "")).collect()
}

fn sound(text: &str) -> (Source, Vec<String>) {
    let mut report = Report::default();
    let source = read(text, &mut report);
    (source.unwrap_or_else(|| panic!("{:?}", report.lines("x"))), report.lines("x"))
}

#[test]
fn names_are_resolved_in_the_namespace_around_them() {
    let (source, _) = sound(
        r#"{"type": "record", "name": "a.b.Root", "namespace": "ignored", "fields": [
            {"name": "x", "type": {"type": "record", "name": "X", "namespace": "c", "fields": [
                {"name": "y", "type": {"type": "enum", "name": "Y", "symbols": ["S"]}}]}},
            {"name": "again", "type": ["null", "c.Y"]},
            {"name": "none", "type": {"type": "record", "name": "Z", "namespace": "", "fields": []}},
            {"name": "own", "type": {"type": "array", "items": "Root"}}]}"#,
    );
    let names: Vec<_> = source.definitions.iter().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["a.b.Root", "c.X", "c.Y", "Z"]);
}

#[test]
fn what_is_no_schema_is_told_with_its_place() {
    for (text, fault) in [
        ("{", "the root: this is no JSON: "),
        ("7", "the root: `7` is no schema"),
        (r#"{"name": "A"}"#, "the root: a schema has a `type`"),
        (r#"{"type": "record", "name": "A"}"#, "the root: the record `A` has no `fields`"),
        (r#"{"type": "record", "fields": []}"#, "the root: a record, enum or fixed has a `name`"),
        (r#"{"type": "record", "name": "a-b", "fields": []}"#, "the root: `a-b` is no Avro name"),
        (r#"{"type": "record", "name": "int", "fields": []}"#, "the root: `int` is a type of Avro's own"),
        (r#"{"type": "enum", "name": "E", "symbols": []}"#, "the root: the enum `E` has no `symbols`"),
        (
            r#"{"type": "enum", "name": "E", "symbols": ["A", "A"]}"#,
            "the root: the enum `E` has the symbol `A` twice",
        ),
        (
            r#"{"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}"#,
            "the root: \"B\" is no symbol",
        ),
        (
            r#"{"type": "error", "name": "E", "fields": []}"#,
            "the root: an `error`, which only protocols have",
        ),
        (r#"{"type": "fixed", "name": "F"}"#, "the root: a `fixed` has a `size`"),
        (r#"{"type": "array"}"#, "the root: an array has the schema of its `items`"),
        (r#"{"type": "record", "name": "A", "fields": [{"name": "b"}]}"#, "b: a field has a `type`"),
        (
            r#"{"type": "record", "name": "A", "fields": [{"type": "int"}]}"#,
            "the root: `{\"type\":\"int\"}` is no field",
        ),
        (
            r#"{"type": "record", "name": "A", "fields": [{"name": "b", "type": {"type": "map", "values": "B"}}]}"#,
            "b{}: `B` is not defined before",
        ),
        (
            r#"{"type": "record", "name": "A", "fields": [{"name": "b", "type": "int"}, {"name": "b", "type": "int"}]}"#,
            "b: the record `A` has two fields of this name",
        ),
        (
            r#"{"type": "record", "name": "A", "fields": [{"name": "b", "type": [{"type": "record", "name": "A", "fields": []}]}]}"#,
            "b<A>: `A` is defined twice",
        ),
    ] {
        let found = faults(text);
        assert!(found[0].starts_with(fault), "{text}: {found:?}");
    }
}

#[test]
fn every_fault_of_a_file_is_told_at_once() {
    let text = r#"{"type": "record", "name": "A", "fields": [{"name": "a", "type": "B"}, {"name": "b", "type": 1}]}"#;
    assert_eq!(faults(text).len(), 2);
}

#[test]
fn attributes_that_events_have_no_place_for_are_noted() {
    let (_, notes) = sound(
        r#"{"type": "record", "name": "A", "owner": "me", "fields": [
            {"name": "a", "type": {"type": "string", "avro.java.string": "String"}, "order": "ignore"},
            {"name": "b", "type": "int", "order": "ignore", "pii": true, "aliases": ["a", "c"]}]}"#,
    );
    assert_eq!(
        notes,
        [
            "note: x: the root: the attribute `owner` is not kept",
            "note: x: a, b: the attribute `order` is not kept",
            "note: x: a: the attribute `avro.java.string` is not kept",
            "note: x: b: the alias `a` means another field too, and is not kept",
        ]
    );
}
